import { isErrno } from "../base/error.ts";
import { Client } from "../client/client.ts";
import type { Command, Context } from "./command.ts";
import { type CommandEntry, commandTable } from "./commands/table.ts";
import { type ConfigFile, configDirectory, readConfigFile } from "./config-file.ts";
import { errorText } from "./error-text.ts";
import { Exit } from "./exit.ts";
import type { FlagValues } from "./flags/flag.ts";
import { FlagError, HelpAsked, parseFlags } from "./flags/parse-flags.ts";
import { globalFlags } from "./global-flags.ts";
import { chooseHost, parseHost } from "./host.ts";
import type { Io } from "./io.ts";
import { clientVersion } from "./version.ts";

const flagErrorCode = 125;
const daemonErrorCode = 125;
/** What a shell shows for a program that died of SIGPIPE. */
const brokenPipeCode = 141;

type Globals = FlagValues<typeof globalFlags>;

/** Runs one command line, without the program's name, and returns the exit code. */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  try {
    return await dispatch(argv, io);
  } catch (error) {
    if (isErrno(error, "EPIPE")) return brokenPipeCode;
    if (error instanceof Exit) {
      if (error.message !== "") await io.stderr.write(`${error.message}\n`);
      return error.code;
    }
    await io.stderr.write(`${errorText(error)}\n`);
    return 1;
  }
}

async function dispatch(argv: readonly string[], io: Io): Promise<number> {
  const { values: globals, args: words } = readGlobals(argv);
  if (globals.version) return say(io, `isle version ${clientVersion}\n`);
  const found = findCommand(words);
  if (found === undefined) return (await import("./no-command.ts")).noCommand(words, io);
  const command = await found.entry.load();
  try {
    const rest = words.slice(found.length);
    const parsed = command.passesOn
      ? { values: {}, changed: new Set<string>(), args: rest }
      : parseFlags(command.flags, rest, { flagsFirst: command.flagsFirst });
    checkArgs(found.entry.paths[0]!, command, parsed.args.length);
    return await runCommand(command, found.entry, { ...contextOf(globals, io), ...parsed, flags: parsed.values });
  } catch (error) {
    if (error instanceof HelpAsked) {
      const { commandHelp } = await import("./help.ts");
      return say(io, commandHelp(found.entry.paths, command, io.terminal.size()?.columns));
    }
    if (!(error instanceof FlagError)) throw error;
    throw new Exit(flagErrorCode, `${error.message}\n\n${usageHint(found.entry.paths[0]!, command)}`);
  }
}

function readGlobals(argv: readonly string[]) {
  try {
    return parseFlags(globalFlags, argv, { flagsFirst: true });
  } catch (error) {
    if (error instanceof HelpAsked) return { values: { version: false } as Globals, args: [] };
    const hint = "Usage:  isle [OPTIONS] COMMAND [ARG...]\n\nRun 'isle --help' for more information";
    throw error instanceof FlagError ? new Exit(flagErrorCode, `${error.message}\n\n${hint}`) : error;
  }
}

/** The command that the first one or two words name. */
function findCommand(words: readonly string[]): { entry: CommandEntry; length: number } | undefined {
  for (const length of [2, 1]) {
    if (words.length < length) continue;
    const path = words.slice(0, length).join(" ");
    const entry = commandTable.find(({ paths }) => paths.includes(path));
    if (entry !== undefined) return { entry, length };
  }
  return undefined;
}

async function runCommand(command: Command, entry: CommandEntry, context: Context): Promise<number> {
  try {
    return (await command.run(context)) ?? 0;
  } catch (error) {
    if (command.errorStyle === undefined || error instanceof FlagError || isErrno(error, "EPIPE")) throw error;
    if (command.errorStyle === "create" && !(error instanceof Exit)) throw error;
    if (error instanceof Exit && error.message === "") throw error;
    const code = error instanceof Exit && error.code !== 1 ? error.code : daemonErrorCode;
    const hint = `Run 'isle ${entry.paths[0]} --help' for more information`;
    throw new Exit(code, `isle: ${errorText(error)}\n\n${hint}`);
  } finally {
    context.client.close();
  }
}

function contextOf(globals: Globals, io: Io): Pick<Context, "client" | "io" | "config" | "print" | "warn"> {
  const directory = configDirectory(globals.config, io.env);
  const host = chooseHost(globals, io.env);
  const endpoint = parseHost(host, globals, io.env, directory);
  let config: ConfigFile | undefined;
  return {
    client: new Client({ host, dial: () => io.dial(endpoint) }),
    io,
    config: () => (config ??= readConfigFile(directory)),
    print: (line) => io.stdout.write(`${line}\n`),
    warn: (line) => io.stderr.write(`${line}\n`),
  };
}

function checkArgs(name: string, command: Command, count: number): void {
  const { min, max } = command.args;
  if (count >= min && count <= (max ?? Number.POSITIVE_INFINITY)) return;
  const hint = usageHint(name, command, max === undefined ? "See" : "Run");
  throw new Exit(1, `isle: 'isle ${name}' ${expectation(min, max)}\n\n${hint}`);
}

function expectation(min: number, max: number | undefined): string {
  const plural = (count: number) => `${count} argument${count === 1 ? "" : "s"}`;
  if (max === 0) return "accepts no arguments";
  if (max === min) return `requires ${plural(min)}`;
  if (max === undefined) return `requires at least ${plural(min)}`;
  return min === 0 ? `accepts at most ${plural(max)}` : `requires at least ${min} and at most ${plural(max)}`;
}

function usageHint(name: string, { usage }: Command, verb = "Run"): string {
  const forms = typeof usage === "string" ? [usage] : usage;
  const lines = forms.map((form) => `isle ${name} ${form}`.trimEnd()).join("\n\t");
  return `Usage:  ${lines}\n\n${verb} 'isle ${name} --help' for more information`;
}

async function say(io: Io, text: string): Promise<number> {
  await io.stdout.write(text);
  return 0;
}
