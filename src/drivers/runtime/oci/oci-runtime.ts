import { closeSync, constants, existsSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { IsleError, isErrno } from "../../../base/error.ts";
import { Slots } from "../../../base/slots.ts";
import type { OciSpec } from "../../../core/oci-spec.ts";
import type { Runtime } from "../../../core/runtime.ts";
import { run } from "../../../os/process.ts";
import { connectSeqpacket } from "../../../os/seqpacket.ts";
import { createUnderConmon } from "./conmon.ts";
import { execIn } from "./exec.ts";
import { lastMessage, runtimeMessage } from "./message.ts";
import type { OciRuntimeOptions } from "./options.ts";
import { parseProcesses, runscStateFile } from "./runsc.ts";
import { createSeccompCache } from "./seccomp-cache.ts";

/** Any program with the OCI runtime command line (crun, runc, runsc, isle-vm) under conmon. */
export function createOciRuntime(options: OciRuntimeOptions): Runtime {
  for (const directory of [options.stateRoot, options.exitDir, options.execDir]) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }
  const withFilter = options.compiledSeccomp ? createSeccompCache(options.execDir) : (spec: OciSpec) => spec;
  const command = (args: string[]) => runCommand(options, args);
  const control = (id: string, message: string) => tellSupervisor(join(options.bundleOf(id), "ctl"), message);
  return {
    name: options.name,
    isolation: options.isolation,
    mapsUsers: options.mapsUsers ?? false,
    create: (workload) => createUnderConmon(options, { ...workload, spec: withFilter(workload.spec) }),
    start: (id) => startCommand(options, id),
    kill: async (id, signal, all = false) =>
      void (await command(["kill", ...(all ? ["--all"] : []), id, String(signal)])),
    pause: async (id) => void (await command(["pause", id])),
    resume: async (id) => void (await command(["resume", id])),
    update: (id, resources) => updateCommand(options, id, resources),
    delete: (id) => deleteState(options, id),
    exec: async (id, process, execOptions) => execIn(options, id, process, execOptions),
    openStdin: (id) => connectSeqpacket(join(options.bundleOf(id), "attach")),
    resize: (id, { rows, columns }) => control(id, `1 ${rows} ${columns}\n`),
    reopenLog: (id) => control(id, "2 0 0\n"),
    wasOomKilled: (id) => existsSync(join(options.bundleOf(id), "oom")),
    ...(options.isolation === "sandbox" && {
      processes: async (id: string) => parseProcesses(await command(["ps", "--format=table", id])),
    }),
  };
}

/** Writes to the supervisor's pipe; one that has ended needs no telling, and waiting for it would stop the daemon. */
function tellSupervisor(pipe: string, message: string): void {
  try {
    const file = openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      writeSync(file, message);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (!isErrno(error, "ENXIO", "ENOENT", "EAGAIN", "EPIPE")) throw error;
  }
}

/** By a file, since runtimes open what they are given by its path. */
async function updateCommand(options: OciRuntimeOptions, id: string, resources: object): Promise<void> {
  const file = join(options.execDir, `${id}.resources`);
  writeFileSync(file, JSON.stringify(resources), { mode: 0o600 });
  try {
    await runCommand(options, ["update", "--resources", file, id]);
  } finally {
    rmSync(file, { force: true });
  }
}

/** A thousand instances killed at once would otherwise be a thousand processes that starve their own ends. */
const commandsAtATime = new Slots(16);

async function runCommand(options: OciRuntimeOptions, args: string[]): Promise<string> {
  const all = ["--root", options.stateRoot, ...(options.globalArgs ?? []), ...args];
  const leave = await commandsAtATime.take();
  const { exitCode, stdout, stderr } = await run(options.program, all).finally(leave);
  if (exitCode === 0) return stdout;
  const text = lastMessage(stderr);
  const gone = /does not exist|no such process|not running|container.*not found|ESRCH/i.test(text);
  throw new IsleError(gone ? "conflict" : "internal", `${options.name} ${args[0]} failed: ${text}`);
}

async function startCommand(options: OciRuntimeOptions, id: string): Promise<void> {
  const all = ["--root", options.stateRoot, ...(options.globalArgs ?? []), "start", id];
  const { exitCode, stderr } = await run(options.program, all);
  if (exitCode !== 0) throw runtimeMessage(options.name, stderr);
}

/** Ends whatever runs and removes the runtime's own state; a state that is not there is what was asked for. */
async function deleteState(options: OciRuntimeOptions, id: string): Promise<void> {
  const state = join(options.stateRoot, options.isolation === "sandbox" ? runscStateFile(id) : id);
  if (!existsSync(state)) return;
  try {
    await runCommand(options, ["delete", "--force", id]);
  } catch (error) {
    if (existsSync(state)) throw error;
  }
  rmSync(state, { recursive: true, force: true });
}
