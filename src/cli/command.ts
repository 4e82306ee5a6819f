import type { Client } from "../client/client.ts";
import type { ConfigFile } from "./config-file.ts";
import type { FlagTable, FlagValues } from "./flags/flag.ts";
import type { Io } from "./io.ts";

/** What a command is given to run. */
export interface Context<T extends FlagTable = FlagTable> {
  readonly flags: FlagValues<T>;
  /** Names of the flags that were written. */
  readonly changed: ReadonlySet<string>;
  readonly args: readonly string[];
  readonly client: Client;
  readonly io: Io;
  /** The user's config.json, read on first use. */
  config(): ConfigFile;
  /** One line on standard output. */
  print(line: string): Promise<void>;
  /** One line on standard error. */
  warn(line: string): Promise<void>;
}

/** A command as data. `run` returns the exit code, nothing for 0; what it throws is printed by the caller. */
export interface Command<T extends FlagTable = FlagTable> {
  readonly summary: string;
  /** What follows the command's name, such as `[OPTIONS] CONTAINER`; several forms as several entries. */
  readonly usage: string | readonly string[];
  readonly flags: T;
  /** How many arguments it takes; without `max`, any number from `min` on. */
  readonly args: { readonly min: number; readonly max?: number };
  /** Whole command lines, each with what it does. */
  readonly examples?: readonly (readonly [line: string, does: string])[];
  /** Flags end at the first argument. */
  readonly flagsFirst?: boolean;
  /** Everything after the command's name is an argument, `--help` too: it is for another program to read. */
  readonly passesOn?: boolean;
  /**
   * Errors of the command line name the program, point at the help and end with 125, as those of run and create;
   * for run those of the daemon do too.
   */
  readonly errorStyle?: "run" | "create";
  /** What completes its arguments. */
  readonly completes?: "containers" | "running" | "images" | "networks" | "volumes" | "files" | "none";
  readonly hidden?: boolean;
  run(context: Context<T>): Promise<number | undefined>;
}

/** Keeps the types of a command's own flags while it is handled as any command. */
export function command<const T extends FlagTable>(definition: Command<T>): Command {
  return definition as unknown as Command;
}
