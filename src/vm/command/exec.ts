import { spawn } from "node:child_process";
import { readFileSync, writeFileSync, writeSync } from "node:fs";
import type { Readable } from "node:stream";
import { conflict, invalid } from "../../base/error.ts";
import type { OciProcess } from "../../core/oci-spec.ts";
import type { CommandLine } from "../command-line.ts";
import { execInGuest, type GuestExec } from "../exec-session.ts";
import { findPart } from "../places.ts";
import { readSpec } from "../runtime-spec.ts";
import { readState, stateDirectory, statusOf } from "../state.ts";

/** Runs a command in a microVM with this process's standard streams, and ends with its exit code. */
export async function execCommand(line: CommandLine): Promise<number> {
  const { root, options, words } = line;
  if (process.env[attendant] === undefined) {
    if (options["console-socket"] && !options["detach"]) throw invalid("exec: --console-socket needs --detach");
    if (options["detach"]) return leaveAttendant(options);
  }
  const [id = "", ...command] = words;
  const state = readState(root, id);
  if (statusOf(state) !== "running") throw conflict(`cannot exec in a container that is ${statusOf(state)}`);
  const process_ = planned(state.bundle, options, command);
  const terminal = process_.terminal ?? false;
  const session = await execInGuest(stateDirectory(root, id), {
    process: process_,
    input: true,
    filter: undefined,
    onOutput: (data) => process.stdout.write(data),
    onErrors: (data) => process.stderr.write(data),
  });
  await session.started;
  if (process.env[attendant] !== undefined) writeSync(startedFd, "s");
  else if (options["pid-file"]) writeFileSync(String(options["pid-file"]), String(process.pid));
  passInput(session, terminal);
  return session.ended;
}

/** Set for the process that stays with a detached command. */
const attendant = "ISLE_VM_ATTENDANT";
const startedFd = 3;

/** A supervisor waits for this process and then for the one in the pid file, which stands for the command. */
function leaveAttendant({ "console-socket": socket, "pid-file": pidFile }: CommandLine["options"]): Promise<number> {
  const self = [process.execPath, "isle-vm", ...process.argv.slice(2)];
  const [program, argv0, ...args] = socket
    ? [findPart("isle-relay"), "isle-relay", "console", String(socket), ...self]
    : self;
  const child = spawn(program!, args, {
    argv0: argv0!,
    stdio: ["inherit", "inherit", "inherit", "pipe"],
    detached: true,
    env: { ...process.env, [attendant]: "1" },
  });
  const started = child.stdio[startedFd] as Readable;
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 255));
    started.once("data", () => {
      if (pidFile) writeFileSync(String(pidFile), String(child.pid));
      child.unref();
      started.destroy();
      resolve(0);
    });
  });
}

/** Of a file, or the container's own process with another command. */
function planned(bundle: string, options: CommandLine["options"], command: string[]): OciProcess {
  if (options["process"]) return JSON.parse(readFileSync(String(options["process"]), "utf8")) as OciProcess;
  if (command.length === 0) throw invalid("exec needs --process or a command");
  const { process: own } = readSpec(bundle);
  const cwd = options["cwd"] as string | undefined;
  return { ...own, args: command, terminal: options["tty"] === true, ...(cwd && { cwd }) };
}

function passInput(session: GuestExec, terminal: boolean): void {
  const { stdin, stdout } = process;
  if (terminal && stdin.isTTY) {
    stdin.setRawMode(true);
    const resize = () => session.resize(stdout.rows ?? 24, stdout.columns ?? 80);
    process.on("SIGWINCH", resize);
    resize();
  }
  stdin.on("data", (data: Buffer) => {
    stdin.pause();
    void session.write(data).then(() => stdin.resume());
  });
  stdin.once("end", () => session.endInput());
  for (const [name, number] of [
    ["SIGTERM", 15],
    ["SIGINT", 2],
    ["SIGHUP", 1],
    ["SIGQUIT", 3],
  ] as const) {
    process.on(name, () => session.signal(number));
  }
}
