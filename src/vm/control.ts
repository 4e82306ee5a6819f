import { rmSync } from "node:fs";
import { join } from "node:path";
import { IsleError } from "../base/error.ts";
import type { OciResources } from "../core/oci-spec.ts";
import type { GuestProcess } from "../core/runtime.ts";
import { readTextIfPresent } from "../os/files.ts";
import { killNow } from "../os/proc.ts";
import { removeCgroup, setCgroupLimits } from "./cgroup.ts";
import { frameType } from "./generated/protocol.ts";
import { limitFields } from "./plan/container.ts";
import { u32 } from "./plan/fields.ts";
import { guestOverheadMiB, machineLimits } from "./plan/shape.ts";
import { askRelay } from "./relay-client.ts";
import { type MachineState, readState, removeState, stateDirectory, statusOf, writeState } from "./state.ts";

/** What engines ask of a microVM that is there; used by the command line and, without a process, by the daemon. */
export async function startWorkload(root: string, id: string): Promise<void> {
  await askRelay(stateDirectory(root, id), frameType.start);
  writeState(root, { ...readState(root, id), started: true });
}

export async function signalWorkload(root: string, id: string, signal: number): Promise<void> {
  await askRelay(stateDirectory(root, id), frameType.signal, u32(signal));
}

/** A machine that does not answer must not hold up who wants to end it. */
const machinePatienceMs = 20_000;

export async function setPaused(root: string, id: string, paused: boolean): Promise<void> {
  const order = paused ? frameType.pause : frameType.resume;
  await askRelay(stateDirectory(root, id), order, undefined, machinePatienceMs);
  writeState(root, { ...readState(root, id), paused });
}

/** Changes limits while the workload runs; the machine itself keeps its size. */
export async function updateLimits(root: string, id: string, resources: OciResources): Promise<void> {
  const state = readState(root, id);
  const wanted = Number(resources.memory?.["limit"] ?? 0) / 2 ** 20 + guestOverheadMiB;
  if (wanted > state.memoryMiB) {
    throw new IsleError("unsupported", `the microVM has ${state.memoryMiB} MiB: its limit cannot be raised above`, {
      hint: "stop it, update it and start it again",
    });
  }
  await askRelay(stateDirectory(root, id), frameType.update, Buffer.concat(limitFields(resources)));
  setCgroupLimits(state.cgroups, machineLimits(resources, undefined));
}

/** The workload's processes, with their numbers in the guest. */
export async function listProcesses(root: string, id: string): Promise<GuestProcess[]> {
  const text = (await askRelay(stateDirectory(root, id), frameType.processes)).toString();
  return text.split("\n").filter(Boolean).map(parseProcess);
}

/** Ticks of the kernel's clock in a second. */
const ticks = 100;

function parseProcess(line: string): GuestProcess {
  const [uid, pid, ppid, terminal, age, cpu, ...command] = line.split("\t");
  const startedAt = new Date(Date.now() - (Number(age) / ticks) * 1000);
  const seconds = Math.floor(Number(cpu) / ticks);
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  // Of a terminal's device number only the lower part counts the terminals.
  const number = Number(terminal) & 0xff;
  return {
    uid: Number(uid),
    pid: Number(pid),
    ppid: Number(ppid),
    terminal: terminal === "0" ? "?" : `pts/${number}`,
    startedAt: `${two(startedAt.getHours())}:${two(startedAt.getMinutes())}`,
    cpuTime: `${two(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}`,
    command: command.join(" ").trim(),
  };
}

/** True when the workload ended because the guest's kernel killed it for its limit of memory. */
export function ranOutOfMemory(root: string, id: string): boolean {
  return (readTextIfPresent(join(stateDirectory(root, id), "verdict")) ?? "").startsWith("out of memory");
}

const endPatienceMs = 10_000;

/** Ends what runs and takes everything away. */
export async function deleteMachine(root: string, id: string, force: boolean): Promise<void> {
  const state = readState(root, id);
  if (statusOf(state) !== "stopped") {
    if (!force)
      throw new IsleError("conflict", `cannot delete container ${id} that is not stopped: ${statusOf(state)}`);
    killNow(state.pid);
  }
  for (const helper of state.helpers) killNow(helper);
  await groupsGone(state);
  rmSync(join(stateDirectory(root, id), "disk"), { force: true });
  removeState(root, id);
}

/** Processes that were killed leave their group a little later. */
async function groupsGone({ cgroups, keeper }: MachineState): Promise<void> {
  const end = performance.now() + endPatienceMs;
  while (!removeCgroup(cgroups)) {
    if (performance.now() > end) {
      throw new IsleError(
        "internal",
        `the control group of a microVM is still in use: ${cgroups[0]} (keeper ${keeper})`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
