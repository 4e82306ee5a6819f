import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { conflict, invalid } from "../../base/error.ts";
import type { OciProcess } from "../../core/oci-spec.ts";
import type { CommandLine } from "../command-line.ts";
import { execInGuest, type GuestExec } from "../exec-session.ts";
import { readState, stateDirectory, statusOf } from "../state.ts";
import type { RuntimeSpec } from "./create.ts";

/** Runs a command in a microVM with this process's standard streams, and ends with its exit code. */
export async function execCommand({ root, options, words }: CommandLine): Promise<number> {
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
  if (options["pid-file"]) writeFileSync(String(options["pid-file"]), String(process.pid));
  passInput(session, terminal);
  return session.ended;
}

/** Of a file, or the container's own process with another command. */
function planned(bundle: string, options: CommandLine["options"], command: string[]): OciProcess {
  if (options["process"]) return JSON.parse(readFileSync(String(options["process"]), "utf8")) as OciProcess;
  if (command.length === 0) throw invalid("exec needs --process or a command");
  const { process: own } = JSON.parse(readFileSync(join(bundle, "config.json"), "utf8")) as RuntimeSpec;
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
