import { writeFileSync } from "node:fs";
import { messageOf } from "../base/error.ts";
import { type CommandLine, parseCommandLine } from "./command-line.ts";

type Command = (line: CommandLine) => Promise<number> | Promise<void> | void;

/** Each loads only what it needs: an engine runs several of them for one start. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  create: async () => (await import("./command/create.ts")).createCommand,
  start: async () => (await import("./command/start.ts")).startCommand,
  state: async () => (await import("./command/state.ts")).stateCommand,
  list: async () => (await import("./command/state.ts")).listCommand,
  kill: async () => (await import("./command/kill.ts")).killCommand,
  delete: async () => (await import("./command/delete.ts")).deleteCommand,
  exec: async () => (await import("./command/exec.ts")).execCommand,
  update: async () => (await import("./command/update.ts")).updateCommand,
  ps: async () => (await import("./command/ps.ts")).psCommand,
  pause: async () => (await import("./command/pause.ts")).pauseCommand,
  resume: async () => (await import("./command/pause.ts")).resumeCommand,
  template: async () => (await import("./command/template.ts")).templateCommand,
  prepare: async () => (await import("./command/prepare.ts")).prepareCommand,
  features: async () => (await import("./command/features.ts")).featuresCommand,
  version: async () => (await import("./command/features.ts")).versionCommand,
  help: async () => (await import("./command/features.ts")).helpCommand,
};

/** The OCI runtime command line for microVMs. */
export async function isleVmMain(args: readonly string[]): Promise<number> {
  let line: CommandLine | undefined;
  try {
    line = parseCommandLine(args);
    const load = commands[line.command];
    if (!load) throw new Error(`${line.command} is not something that isle-vm does`);
    return (await (await load())(line)) ?? 0;
  } catch (error) {
    tell(line, messageOf(error));
    return 1;
  }
}

/** Engines read the last line of the log, people the standard error. */
function tell(line: CommandLine | undefined, message: string): void {
  process.stderr.write(`isle-vm: ${message}\n`);
  if (!line?.log) return;
  const time = new Date().toISOString();
  const entry = { msg: message, level: "error", time };
  const text =
    line.logFormat === "json" ? JSON.stringify(entry) : `time="${time}" level=error msg=${JSON.stringify(message)}`;
  writeFileSync(line.log, `${text}\n`, { flag: "a" });
}
