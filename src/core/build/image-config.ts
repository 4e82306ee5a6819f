import { parseSignal } from "../../base/signals.ts";
import type { ImageRunConfig } from "../image.ts";
import { type ExpandOptions, expandWord, expandWords, type Variables } from "./expand.ts";
import type { Command, Instruction, NameValue } from "./instruction.ts";

/** What a stage's instructions have said so far. */
export interface StageConfig {
  readonly run: ImageRunConfig;
  /** A CMD of this very stage, which an ENTRYPOINT then leaves alone. */
  readonly hasOwnCommand: boolean;
  readonly author: string | undefined;
}

/** Expands words with a stage's variables. */
export interface Expansion {
  readonly variables: Variables;
  readonly options: ExpandOptions;
}

const one = ({ variables, options }: Expansion, text: string): string => expandWord(text, variables, options);
const words = ({ variables, options }: Expansion, text: string): string[] => expandWords(text, variables, options);

/**
 * The config after an instruction that changes nothing but it; undefined for those that make files or name stages. Errors
 * are plain, the caller knows the line.
 */
export function applyToConfig(
  config: StageConfig,
  instruction: Instruction,
  expansion: Expansion,
): StageConfig | undefined {
  const { run } = config;
  const withRun = (change: ImageRunConfig): StageConfig => ({ ...config, run: { ...run, ...change } });
  switch (instruction.kind) {
    case "env":
      return withRun({ Env: mergeEnv(run.Env ?? [], expandPairs(instruction.pairs, expansion)) });
    case "label":
      return withRun({ Labels: { ...run.Labels, ...Object.fromEntries(expandPairs(instruction.pairs, expansion)) } });
    case "cmd":
      return { ...withRun({ Cmd: commandWords(instruction.command, run), ArgsEscaped: true }), hasOwnCommand: true };
    case "entrypoint":
      return withRun({
        Entrypoint: commandWords(instruction.command, run),
        ...(!config.hasOwnCommand && { Cmd: null }),
      });
    case "shell":
      return withRun({ Shell: [...instruction.words] });
    case "user":
      return withRun({ User: one(expansion, instruction.text) });
    case "stopsignal":
      return withRun({ StopSignal: checkedSignal(one(expansion, instruction.text)) });
    case "maintainer":
      return { ...config, author: one(expansion, instruction.text) };
    case "onbuild":
      return withRun({ OnBuild: [...(run.OnBuild ?? []), instruction.text] });
    case "healthcheck":
      return withRun({ Healthcheck: instruction.check });
    case "expose":
      return withRun({
        ExposedPorts: { ...run.ExposedPorts, ...keys(expandAll(instruction.words, expansion).flatMap(exposedPorts)) },
      });
    case "volume":
      return withRun({ Volumes: { ...run.Volumes, ...keys(expandEach(instruction.words, expansion)) } });
    default:
      return undefined;
  }
}

function checkedSignal(text: string): string {
  if (/^[1-9]\d*$/.test(text)) return text;
  try {
    parseSignal(text);
    return text;
  } catch {
    throw new Error(`invalid signal: ${text}`);
  }
}

const keys = (names: readonly string[]): Record<string, object> => Object.fromEntries(names.map((name) => [name, {}]));

export const expandAll = (texts: readonly string[], expansion: Expansion): string[] =>
  texts.flatMap((text) => words(expansion, text));

export const expandEach = (texts: readonly string[], expansion: Expansion): string[] =>
  texts.map((text) => one(expansion, text));

export const expandPairs = (pairs: readonly NameValue[], expansion: Expansion): NameValue[] =>
  pairs.map(([name, value]) => [one(expansion, name), one(expansion, value)]);

/** A command in shell form is run by the stage's shell. */
export function commandWords(command: Command, { Shell }: ImageRunConfig): string[] {
  if (command.form === "exec") return [...command.words];
  return [...(Shell?.length ? Shell : ["/bin/sh", "-c"]), command.text];
}

export function mergeEnv(env: readonly string[], added: readonly NameValue[]): string[] {
  const merged = new Map(env.map((each) => [each.split("=", 1)[0]!, each]));
  for (const [name, value] of added) merged.set(name, `${name}=${value}`);
  return [...merged.values()];
}

/** `80`, `80/udp`, `8000-8002/tcp` as single ports; what stands before a port, an address or a port of the machine, is left out. */
export function exposedPorts(text: string): string[] {
  const match = /^(?:(?:[\d.]*|\[[\da-f:]*\]):)?(?:[\d-]*:)?(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (!match || first > last || last > 65535) throw new Error(`invalid containerPort: ${text}`);
  const protocol = (match[3] ?? "tcp").toLowerCase();
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol}`);
}

/** Where a WORKDIR leads from the one before. */
export function joinDirectory(present: string, next: string): string {
  const kept: string[] = [];
  for (const part of (next.startsWith("/") ? next : `${present}/${next}`).split("/")) {
    if (part === "..") kept.pop();
    else if (part !== "" && part !== ".") kept.push(part);
  }
  return `/${kept.join("/")}`;
}
