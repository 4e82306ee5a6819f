import { invalid } from "../../base/error.ts";
import { parseDuration } from "../../base/time.ts";
import type { ImageHealthcheck, ImageRunConfig } from "../../core/image.ts";

type Change = (config: ImageRunConfig, rest: string) => ImageRunConfig;

/** Dockerfile instructions that `commit --change` and `import --change` take. */
const instructions: Record<string, Change> = {
  CMD: (config, rest) => ({ ...config, Cmd: commandOf(rest, config) }),
  ENTRYPOINT: (config, rest) => ({ ...config, Entrypoint: commandOf(rest, config) }),
  ENV: (config, rest) => ({ ...config, Env: mergeEnv(config.Env ?? [], pairs(rest)) }),
  EXPOSE: (config, rest) => ({
    ...config,
    ExposedPorts: { ...config.ExposedPorts, ...keys(words(rest).flatMap(ports)) },
  }),
  LABEL: (config, rest) => ({ ...config, Labels: { ...config.Labels, ...Object.fromEntries(pairs(rest)) } }),
  USER: (config, rest) => ({ ...config, User: single(rest) }),
  VOLUME: (config, rest) => ({ ...config, Volumes: { ...config.Volumes, ...keys(jsonList(rest) ?? words(rest)) } }),
  WORKDIR: (config, rest) => ({ ...config, WorkingDir: joinDirectory(config.WorkingDir ?? "/", single(rest)) }),
  STOPSIGNAL: (config, rest) => ({ ...config, StopSignal: single(rest) }),
  HEALTHCHECK: (config, rest) => ({ ...config, Healthcheck: healthcheck(rest) }),
  ONBUILD: (config, rest) => ({ ...config, OnBuild: [...(config.OnBuild ?? []), rest] }),
  SHELL: (config, rest) => ({ ...config, Shell: jsonList(rest) ?? fail("SHELL", "wants a JSON list") }),
};

/** The config with the instructions applied in order. An instruction that cannot be used here fails with invalid. */
export function applyChanges(config: ImageRunConfig, changes: readonly string[]): ImageRunConfig {
  const lines = changes.flatMap((change) => change.replace(/\\\n/g, " ").split("\n"));
  return lines
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .reduce(applyChange, config);
}

function applyChange(config: ImageRunConfig, line: string): ImageRunConfig {
  const [, word = "", rest = ""] = /^(\S+)\s*([\s\S]*)$/.exec(line) ?? [];
  const change = instructions[word.toUpperCase()];
  if (!change) throw invalid(`${word} is not a valid change command`);
  if (rest === "") fail(word.toUpperCase(), "requires at least one argument");
  return change(config, rest);
}

function fail(instruction: string, why: string): never {
  throw invalid(`${instruction} ${why}`);
}

const keys = (names: readonly string[]): Record<string, object> => Object.fromEntries(names.map((name) => [name, {}]));

function commandOf(rest: string, { Shell }: ImageRunConfig): string[] {
  return jsonList(rest) ?? [...(Shell ?? ["/bin/sh", "-c"]), rest];
}

function jsonList(text: string): string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) && list.every((each) => typeof each === "string") ? list : undefined;
  } catch {
    return undefined;
  }
}

/** Words split at spaces; quotes and backslashes keep them together and are taken away. */
function words(text: string): string[] {
  const parts = text.match(/(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/g) ?? [];
  return parts.map((part) =>
    part.replace(/"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/g, (_, double?: string, quoted?: string, escaped?: string) =>
      double === undefined ? (quoted ?? escaped ?? "") : double.replace(/\\(["\\$])/g, "$1"),
    ),
  );
}

/** `a=b c="d e"`, or the old form `a all of the rest`. */
function pairs(text: string): Array<[string, string]> {
  const parts = words(text);
  if (!parts[0]?.includes("=")) {
    const [, name = "", value = ""] = /^(\S+)\s+([\s\S]*)$/.exec(text) ?? fail(text, "must have two arguments");
    return [[name, value]];
  }
  return parts.map((part) => {
    const at = part.indexOf("=");
    if (at < 1) throw invalid(`Syntax error - can't find = in "${part}". Must be of the form: name=value`);
    return [part.slice(0, at), part.slice(at + 1)];
  });
}

function mergeEnv(env: readonly string[], added: ReadonlyArray<[string, string]>): string[] {
  const merged = new Map(env.map((each) => [each.split("=", 1)[0]!, each]));
  for (const [name, value] of added) merged.set(name, `${name}=${value}`);
  return [...merged.values()];
}

/** `80`, `80/udp`, `8000-8002/tcp` as single ports. */
function ports(text: string): string[] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (!match || first > last || last > 65535) throw invalid(`invalid containerPort: ${text}`);
  const protocol = (match[3] ?? "tcp").toLowerCase();
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol}`);
}

const single = (rest: string): string => words(rest).join(" ");

function joinDirectory(present: string, next: string): string {
  const parts = (next.startsWith("/") ? next : `${present}/${next}`).split("/");
  const kept: string[] = [];
  for (const part of parts) {
    if (part === "..") kept.pop();
    else if (part !== "" && part !== ".") kept.push(part);
  }
  return `/${kept.join("/")}`;
}

const healthTimes: Record<string, "Interval" | "Timeout" | "StartPeriod" | "StartInterval"> = {
  interval: "Interval",
  timeout: "Timeout",
  "start-period": "StartPeriod",
  "start-interval": "StartInterval",
};

function healthcheck(text: string): ImageHealthcheck {
  if (/^none\s*$/i.test(text)) return { Test: ["NONE"] };
  const check: ImageHealthcheck = {};
  let rest = text;
  for (let match = flag(rest); match; match = flag(rest)) {
    const [all, name = "", value = ""] = match;
    const time = healthTimes[name];
    if (time) check[time] = parseDuration(value);
    else if (name === "retries" && /^\d+$/.test(value)) check.Retries = Number(value);
    else throw invalid(`Unknown flag: ${name}`);
    rest = rest.slice(all.length);
  }
  const command = /^cmd\s+([\s\S]+)$/i.exec(rest)?.[1] ?? fail("HEALTHCHECK", "wants CMD or NONE");
  const list = jsonList(command);
  return { ...check, Test: list ? ["CMD", ...list] : ["CMD-SHELL", command] };
}

const flag = (text: string): RegExpExecArray | null => /^--([a-z-]+)=(\S+)\s*/.exec(text);
