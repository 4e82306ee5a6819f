import { conflict, isCode, unsupported } from "../../base/error.ts";
import { annotation } from "../annotations.ts";
import { copyDisk } from "../disk.ts";
import { frameType } from "../generated/protocol.ts";
import { relayMonitor } from "../monitor.ts";
import { machineUser } from "../places.ts";
import { askRelay } from "../relay-client.ts";
import { type MachineState, readState, stateDirectory, statusOf } from "../state.ts";
import { saveMachine } from "./save-machine.ts";
import { diskWritten, savedFiles, sealSaved } from "./saved-machine.ts";

/** For a guest that is busy under emulation on a busy host. */
const holdPatienceMs = 20_000;

export interface WorkloadSave {
  /** An empty directory, which becomes a saved machine. */
  readonly directory: string;
  /** Where a copy of the disk is to be; without it the disk stays the machine's, which may not go on then. */
  readonly diskCopy?: string;
}

/** Fails, before anything changes, with what makes it impossible to save the machine. */
export function checkSaveable(root: string, id: string): MachineState {
  const state = readState(root, id);
  const status = statusOf(state);
  if (status !== "running") throw conflict(`the microVM is ${status}, not running`);
  if (state.shape.shared) {
    throw unsupported("a microVM with volumes or binds cannot be saved: their server keeps a part of its state", {
      hint: "stop it instead, or bring files in with isle cp",
    });
  }
  if (annotation(state, "disk") === undefined) {
    throw unsupported("a microVM whose root is shared from the host cannot be saved", {
      hint: "only those that isle's own engine started can",
    });
  }
  return state;
}

/**
 * Saves a running machine and its disk as of one moment. It stands still afterwards, also when this fails, until it is
 * resumed or left.
 */
export async function saveWorkload(root: string, id: string, save: WorkloadSave): Promise<void> {
  const state = checkSaveable(root, id);
  const place = stateDirectory(root, id);
  const disk = annotation(state, "disk")!;
  await askRelay(place, frameType.hold, undefined, holdPatienceMs);
  const monitor = relayMonitor(place);
  await monitor.ask("stop");
  const memoryBytes = state.shape.memoryMiB * 2 ** 20;
  const into = savedFiles(save.directory);
  const durable = save.diskCopy === undefined;
  await saveMachine(monitor, { directory: place, into, memoryBytes, durable });
  // Only now has QEMU written everything out.
  if (save.diskCopy !== undefined) await copyDisk(disk, save.diskCopy, machineUser);
  const written = save.diskCopy === undefined ? diskWritten(disk) : "";
  sealSaved(save.directory, { shape: state.shape, kernel: state.kernel, diskWritten: written });
}

/** True while there is a machine that can be asked. */
export function isThere(root: string, id: string): boolean {
  try {
    return statusOf(readState(root, id)) !== "stopped";
  } catch (error) {
    if (isCode(error, "notFound")) return false;
    throw error;
  }
}

/** Ends a machine that was saved; what its workload said before is passed on first. */
export async function leaveWorkload(root: string, id: string): Promise<void> {
  await askRelay(stateDirectory(root, id), frameType.leave).catch(() => {});
}
