import { parseDuration } from "../../base/time.ts";
import type { ImageHealthcheck } from "../image.ts";
import type { Command, CopySpec, InstructionBody, NameValue } from "./instruction.ts";
import { suggestion } from "./lint/suggest.ts";
import type { LogicalLine } from "./logical-lines.ts";

/** What one instruction says, nothing expanded. A fault throws an Error that says what is wrong. */
export function parseInstruction(
  line: Pick<LogicalLine, "keyword" | "rest" | "heredocs">,
  escapeChar = "\\",
): InstructionBody {
  const grammar = Object.hasOwn(grammars, line.keyword) ? grammars[line.keyword] : undefined;
  if (!grammar) {
    const near = suggestion(line.keyword, Object.keys(grammars));
    throw new Error(`unknown instruction: ${line.keyword}${near === undefined ? "" : ` (did you mean ${near}?)`}`);
  }
  const { flags, rest } = takeFlags(line.rest, grammar.flags ?? []);
  if (rest === "" && !grammar.mayBeEmpty) {
    throw new Error(`${line.keyword} requires ${grammar.wants ?? "at least one argument"}`);
  }
  return grammar.parse({ ...line, rest, flags, escapeChar });
}

interface Parts extends Pick<LogicalLine, "keyword" | "rest" | "heredocs"> {
  readonly flags: Flags;
  readonly escapeChar: string;
}

interface Grammar {
  readonly flags?: readonly string[];
  readonly mayBeEmpty?: boolean;
  /** Told where it says nothing. */
  readonly wants?: string;
  parse(parts: Parts): InstructionBody;
}

const one = "exactly one argument";
const two = "at least two arguments, but only one was provided. Destination could not be determined";
const copyFlags = ["from", "chown", "chmod", "link", "parents", "exclude"];

const grammars: Readonly<Record<string, Grammar>> = {
  FROM: { flags: ["platform"], wants: "either one or three arguments", parse: parseFrom },
  ARG: { parse: ({ rest, escapeChar }) => ({ kind: "arg", args: splitWords(rest, escapeChar).map(parseArg) }) },
  ENV: { parse: ({ rest, escapeChar }) => ({ kind: "env", pairs: parsePairs("ENV", rest, escapeChar) }) },
  LABEL: { parse: ({ rest, escapeChar }) => ({ kind: "label", pairs: parsePairs("LABEL", rest, escapeChar) }) },
  RUN: { flags: ["mount", "network", "security", "device"], mayBeEmpty: true, parse: parseRun },
  COPY: { flags: copyFlags, wants: two, parse: (parts) => ({ kind: "copy", ...parseCopy(parts) }) },
  ADD: {
    flags: [...copyFlags, "checksum", "keep-git-dir", "unpack"],
    wants: two,
    parse: (parts) => ({ kind: "add", ...parseCopy(parts) }),
  },
  CMD: { mayBeEmpty: true, parse: ({ rest }) => ({ kind: "cmd", command: parseCommand(rest) }) },
  ENTRYPOINT: { mayBeEmpty: true, parse: ({ rest }) => ({ kind: "entrypoint", command: parseCommand(rest) }) },
  SHELL: { parse: parseShell },
  WORKDIR: { wants: one, parse: ({ rest }) => ({ kind: "workdir", text: rest }) },
  USER: { wants: one, parse: ({ rest }) => ({ kind: "user", text: rest }) },
  STOPSIGNAL: { wants: one, parse: ({ rest }) => ({ kind: "stopsignal", text: rest }) },
  MAINTAINER: { wants: one, parse: ({ rest }) => ({ kind: "maintainer", text: rest }) },
  ONBUILD: { parse: parseOnbuild },
  EXPOSE: { parse: ({ rest, escapeChar }) => ({ kind: "expose", words: splitWords(rest, escapeChar) }) },
  VOLUME: {
    parse: ({ rest, escapeChar }) => ({ kind: "volume", words: jsonWords(rest) ?? splitWords(rest, escapeChar) }),
  },
  HEALTHCHECK: { flags: ["interval", "timeout", "start-period", "start-interval", "retries"], parse: parseHealthcheck },
};

type Flags = ReadonlyMap<string, readonly string[]>;

const many = new Set(["mount", "exclude", "device"]);

/** `--name=value` words before the arguments. */
function takeFlags(text: string, allowed: readonly string[]): { flags: Flags; rest: string } {
  const flags = new Map<string, string[]>();
  let rest = text;
  for (;;) {
    const match = /^--([a-z][a-z-]*)(?:=((?:"[^"]*"|'[^']*'|\\.|[^\s"'\\])*))?(?:\s+|$)/s.exec(rest);
    if (!match) break;
    const [all, name = "", value] = match;
    if (!allowed.includes(name)) throw new Error(`unknown flag: --${name}${closest(name, allowed)}`);
    const given = flags.get(name) ?? [];
    if (given.length > 0 && !many.has(name)) throw new Error(`duplicate flag specified: --${name}`);
    flags.set(name, [...given, value ?? "true"]);
    rest = rest.slice(all.length);
  }
  return { flags, rest: rest.replace(/^--\s+/, "") };
}

const closest = (name: string, allowed: readonly string[]): string => {
  const near = allowed.find((each) => each.startsWith(name.slice(0, 3)));
  return near === undefined ? "" : ` (did you mean ${near}?)`;
};

const only = (flags: Flags, name: string): string | undefined => flags.get(name)?.[0];

function flag(flags: Flags, name: string): boolean | undefined {
  const value = only(flags, name);
  if (value === undefined) return undefined;
  if (/^(true|1|t)$/i.test(value)) return true;
  if (/^(false|0|f)$/i.test(value)) return false;
  throw new Error(`expecting boolean value for flag --${name}, not: ${value}`);
}

function parseFrom({ rest, flags }: Parts): InstructionBody {
  const words = rest.split(/\s+/);
  const [image = "", as, name] = words;
  const isNamed = words.length === 3 && as?.toLowerCase() === "as";
  if (words.length !== 1 && !isNamed) throw new Error("FROM requires either one or three arguments");
  if (name !== undefined && !/^[a-z][a-z0-9-_.]*$/i.test(name)) {
    throw new Error(`invalid name for build stage: "${name}", name can't start with a number or contain symbols`);
  }
  return {
    kind: "from",
    image,
    platform: only(flags, "platform"),
    ...(name !== undefined && { name: name.toLowerCase() }),
  };
}

function parseArg(word: string): { name: string; value?: string } {
  const [, name = "", value] = /^([^=]*)(?:=([\s\S]*))?$/.exec(word) ?? [];
  if (name === "") throw new Error(`ARG names can not be blank: ${word}`);
  return value === undefined ? { name } : { name, value };
}

/** `a=b c="d e"`, or the old form `a all of the rest`; values keep their quotes. */
export function parsePairs(keyword: string, rest: string, escapeChar = "\\"): NameValue[] {
  const words = splitWords(rest, escapeChar);
  if (!words[0]?.includes("=")) {
    const [, name = "", value] = /^(\S+)\s+([\s\S]+)$/.exec(rest) ?? [];
    if (value === undefined) throw new Error(`${keyword} must have two arguments`);
    return [[name, value]];
  }
  return words.map((word) => {
    const at = word.indexOf("=");
    if (at === -1) throw new Error(`Syntax error - can't find = in "${word}". Must be of the form: name=value`);
    if (at === 0) throw new Error(`${keyword} names can not be blank`);
    return [word.slice(0, at), word.slice(at + 1)];
  });
}

/** Words at unquoted spaces; quotes and escapes stay. */
export function splitWords(text: string, escapeChar = "\\"): string[] {
  const token = escapeChar === "`" ? "`" : "\\\\";
  const pattern = new RegExp(
    `(?:"(?:${token}.|[^"${token}])*"|'[^']*'|${token}.|[^\\s"'${token}]|["'${token}])+`,
    "gs",
  );
  return text.match(pattern) ?? [];
}

export function jsonWords(text: string): string[] | undefined {
  if (!text.trimStart().startsWith("[")) return undefined;
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) && list.every((each) => typeof each === "string") ? list : undefined;
  } catch {
    return undefined;
  }
}

function parseCommand(rest: string, heredocs: LogicalLine["heredocs"] = []): Command {
  const words = jsonWords(rest);
  return words ? { form: "exec", words } : { form: "shell", text: rest, heredocs };
}

function parseRun({ rest, flags, heredocs }: Parts): InstructionBody {
  const network = only(flags, "network");
  const security = only(flags, "security");
  if (flags.has("device")) throw new Error("RUN --device is not supported");
  if (network !== undefined && !["default", "none", "host"].includes(network)) {
    throw new Error(`invalid network mode: "${network}"`);
  }
  if (security !== undefined && !["sandbox", "insecure"].includes(security)) {
    throw new Error(`security ${security} is not valid`);
  }
  return { kind: "run", command: parseCommand(rest, heredocs), mounts: flags.get("mount") ?? [], network, security };
}

function parseCopy({ keyword, rest, flags, heredocs, escapeChar }: Parts): CopySpec {
  const words = jsonWords(rest) ?? splitWords(rest, escapeChar);
  if (words.length < 2) throw new Error(`${keyword} requires ${two}`);
  const isDocument = (word: string): boolean => heredocs.length > 0 && /^\d*<<-?/.test(word);
  const sources = words.slice(0, -1);
  return {
    sources: sources.filter((word) => !isDocument(word)),
    documents: sources.some(isDocument) ? heredocs : [],
    target: words.at(-1)!,
    from: only(flags, "from"),
    chown: only(flags, "chown"),
    chmod: only(flags, "chmod"),
    link: flag(flags, "link") ?? false,
    parents: flag(flags, "parents") ?? false,
    excludes: flags.get("exclude") ?? [],
    checksum: only(flags, "checksum"),
    keepGitDir: flag(flags, "keep-git-dir") ?? false,
    unpack: flag(flags, "unpack"),
  };
}

function parseShell({ rest }: Parts): InstructionBody {
  const words = jsonWords(rest);
  if (!words || words.length === 0) throw new Error("SHELL requires the arguments to be in JSON form");
  return { kind: "shell", words };
}

function parseOnbuild({ rest, heredocs, escapeChar }: Parts): InstructionBody {
  const [, keyword = "", inner = ""] = /^(\S+)\s*([\s\S]*)$/.exec(rest) ?? [];
  const trigger = keyword.toUpperCase();
  if (["ONBUILD", "FROM", "MAINTAINER"].includes(trigger)) {
    throw new Error(
      trigger === "ONBUILD"
        ? "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"
        : `${trigger} isn't allowed as an ONBUILD trigger`,
    );
  }
  parseInstruction({ keyword: trigger, rest: inner, heredocs }, escapeChar);
  const documents = heredocs.map(({ name, content }) => `\n${content}${name}`).join("");
  return { kind: "onbuild", text: `${rest}${documents}` };
}

const times = {
  interval: "Interval",
  timeout: "Timeout",
  "start-period": "StartPeriod",
  "start-interval": "StartInterval",
} as const;

function parseHealthcheck({ rest, flags }: Parts): InstructionBody {
  const [, type = "", command = ""] = /^(\S+)\s*([\s\S]*)$/.exec(rest) ?? [];
  if (type.toUpperCase() === "NONE") {
    if (command !== "") throw new Error("HEALTHCHECK NONE takes no arguments");
    return { kind: "healthcheck", check: { Test: ["NONE"] } };
  }
  if (type.toUpperCase() !== "CMD") throw new Error(`Unknown type "${type.toUpperCase()}" in HEALTHCHECK (try CMD)`);
  if (command === "") throw new Error("Missing command after HEALTHCHECK CMD");
  const words = jsonWords(command);
  const check: ImageHealthcheck = { Test: words ? ["CMD", ...words] : ["CMD-SHELL", command] };
  for (const [name, key] of Object.entries(times)) {
    const nanos = parseDuration(only(flags, name) ?? "0");
    if (nanos !== 0) check[key] = checkTime(name, nanos);
  }
  const retries = parseRetries(only(flags, "retries"));
  return { kind: "healthcheck", check: retries === undefined ? check : { ...check, Retries: retries } };
}

function parseRetries(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^-\d+$/.test(text)) throw new Error(`--retries cannot be negative (${text})`);
  if (!/^\d+$/.test(text)) throw new Error(`--retries must be a whole number: ${text}`);
  return Number(text);
}

const millisecond = 1e6;

function checkTime(name: string, nanos: number): number {
  if (nanos < millisecond) throw new Error(`Interval "${name}" cannot be less than 1ms`);
  return nanos;
}
