import { messageOf } from "../../base/error.ts";
import { type Flag, type FlagTable, type FlagValues, type ParsedFlags, unsetValue } from "./flag.ts";
import { readValue } from "./read-value.ts";

/** The command line does not fit the flags; the message says where. */
export class FlagError extends Error {}

/** The user asked for the help. */
export class HelpAsked extends Error {}

export interface ParseOptions {
  /** Flags end at the first argument, since what follows belongs to somebody else's command. */
  readonly flagsFirst?: boolean | undefined;
}

/** Reads a command line in the manner of Docker's: `-it`, `-n=1`, `-n1`, `--name x`, `--name=x`, `--`. */
export function parseFlags<T extends FlagTable>(
  table: T,
  argv: readonly string[],
  options: ParseOptions = {},
): ParsedFlags<T> {
  const state: State = { table, values: {}, changed: new Set(), argv, at: 0 };
  const args: string[] = [];
  while (state.at < argv.length) {
    const word = argv[state.at++]!;
    if (word === "--") break;
    if (word.startsWith("--")) longFlag(state, word);
    else if (word.startsWith("-") && word !== "-") shortFlags(state, word);
    else {
      args.push(word);
      if (options.flagsFirst) break;
    }
  }
  args.push(...argv.slice(state.at));
  for (const [name, flag] of Object.entries(table)) state.values[name] ??= unsetValue(flag);
  return { values: state.values as FlagValues<T>, changed: state.changed, args };
}

interface State {
  readonly table: FlagTable;
  readonly values: Record<string, unknown>;
  readonly changed: Set<string>;
  readonly argv: readonly string[];
  at: number;
}

function longFlag(state: State, word: string): void {
  const equals = word.indexOf("=");
  const name = word.slice(2, equals === -1 ? undefined : equals);
  if (name === "help") throw new HelpAsked();
  if (name === "" || name.startsWith("-")) throw new FlagError(`bad flag syntax: ${word}`);
  const flag = Object.hasOwn(state.table, name) ? state.table[name] : undefined;
  if (flag === undefined) throw new FlagError(`unknown flag: --${name}`);
  set(state, name, equals === -1 ? detached(state, flag, `--${name}`) : word.slice(equals + 1));
}

/** One word of short flags; the first that takes a value takes the rest of the word. */
function shortFlags(state: State, word: string): void {
  for (let at = 1; at < word.length; at += 1) {
    const letter = word[at]!;
    const found = Object.entries(state.table).find(([, flag]) => flag.short === letter);
    if (found === undefined && letter === "h") throw new HelpAsked();
    if (found === undefined) throw new FlagError(`unknown shorthand flag: '${letter}' in -${word.slice(at)}`);
    const [name, flag] = found;
    const rest = word.slice(at + 1);
    if (flag.type === "bool" && !rest.startsWith("=")) {
      set(state, name, "true");
      continue;
    }
    const text = rest === "" ? detached(state, flag, `'${letter}' in -${word.slice(at)}`) : rest.replace(/^=/, "");
    set(state, name, text);
    return;
  }
}

function detached(state: State, flag: Flag, shown: string): string {
  if (flag.type === "bool") return "true";
  if (flag.bare && !flag.bare.looks.test(state.argv[state.at] ?? "")) return flag.bare.value;
  const value = state.argv[state.at++];
  if (value === undefined) throw new FlagError(`flag needs an argument: ${shown}`);
  return value;
}

function set(state: State, name: string, text: string): void {
  const flag = state.table[name]!;
  try {
    state.values[name] = readValue(flag, text, state.values[name]);
  } catch (error) {
    const shown = flag.short === undefined ? `--${name}` : `-${flag.short}, --${name}`;
    throw new FlagError(`invalid argument ${JSON.stringify(text)} for "${shown}" flag: ${messageOf(error)}`);
  }
  state.changed.add(name);
}
