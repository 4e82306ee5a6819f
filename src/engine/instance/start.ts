import { conflict, IsleError, messageOf } from "../../base/error.ts";
import { now } from "../../base/time.ts";
import { type Undo, withUndo } from "../../base/undo.ts";
import { type InstanceRecord, isRunning, type RunningState } from "../../core/instance.ts";
import type { InstanceDeps } from "./deps.ts";
import { publishInstanceEvent, publishVolumeEvents } from "./events.ts";
import { findInstance, runtimeOf } from "./find.ts";
import { withGuestRoot } from "./guest.ts";
import { planInstanceMounts } from "./instance-mounts.ts";
import { planInstanceSpec } from "./instance-spec.ts";
import { releaseVolumes } from "./instance-volumes.ts";
import { type Joined, joinNetwork } from "./join-network.ts";
import { purgeInstance } from "./remove.ts";
import { mountSharedMemory, releaseSharedMemory } from "./shared-memory.ts";

/** Starts an instance by hand: the count of restarts begins anew. */
export function startInstance(deps: InstanceDeps, text: string): Promise<void> {
  const { id } = findInstance(deps, text);
  return deps.locks.run(id, async () => {
    const record = findInstance(deps, id);
    if (record.state.status === "paused") {
      throw conflict("cannot start a paused container, try unpause instead");
    }
    if (isRunning(record)) throw new IsleError("notModified", `container ${id} is already running`);
    deps.instances.update(id, { restartCount: 0, stoppedByHand: false });
    await launch(deps, findInstance(deps, id));
  });
}

/** Brings the process up, or leaves the instance as it was with the reason in its state. The caller holds its lock. */
export async function launch(deps: InstanceDeps, record: InstanceRecord): Promise<void> {
  try {
    const state = await withUndo((undo) => bringUp(deps, record, undo));
    deps.health.watch(deps, deps.instances.update(record.id, { state }));
    publishVolumeEvents(deps, record, "mount");
    publishInstanceEvent(deps, record, "start");
    deps.signals.emit({ kind: "started", id: record.id });
  } catch (error) {
    recordFailure(deps, record, error);
    if (record.host.AutoRemove) {
      deps.instances.remove(record.id);
      await purgeInstance(deps, record, { volumes: true });
    }
    throw error;
  }
}

async function bringUp(deps: InstanceDeps, record: InstanceRecord, undo: Undo): Promise<RunningState> {
  const runtime = runtimeOf(deps, record);
  const { id } = record;
  deps.exits.forget(id);
  const rootPath = deps.snapshots.mount(id);
  undo.add(() => deps.snapshots.unmount(id));
  mountSharedMemory(deps, record);
  undo.add(() => releaseSharedMemory(deps, record));
  const joined = await joinNetwork(deps, record, undo);
  undo.add(() => releaseVolumes(deps, record));
  const mounts = await planInstanceMounts(deps, record, { rootPath, joined });
  const planned = planInstanceSpec(deps, record, { rootPath, joined, mounts });
  const spec = runtime.isolation === "microvm" ? await withGuestRoot(deps, record, planned) : planned;
  undo.add(() => runtime.delete(id));
  const { pid, pidStart } = await runtime.create({
    id,
    bundle: deps.settings.paths.instance(id),
    spec,
    logPath: deps.settings.paths.log(id),
    terminal: record.config.Tty ?? false,
    stdin: record.config.OpenStdin ?? false,
    leaveStdinOpen: !record.config.StdinOnce,
  });
  // Written before the command runs, so that a crash in between finds the process and undoes the start.
  const state = runningState({ pid, pidStart }, joined);
  deps.instances.update(id, { state: { ...state, startingFrom: record.state } });
  undo.add(() => deps.instances.update(id, { state: record.state }));
  deps.rotations.watch(deps, record);
  await runtime.start(id);
  return { ...state, startedAt: now() };
}

function runningState(created: { pid: number; pidStart: number }, joined: Joined): RunningState {
  const { endpoints, netns } = joined;
  return { status: "running", ...created, startedAt: now(), endpoints, netns };
}

function recordFailure(deps: InstanceDeps, record: InstanceRecord, error: unknown): void {
  const text = messageOf(error);
  const exitCode = failureExitCode(text);
  const { state } = record;
  if (state.status === "exited" || state.status === "restarting") {
    deps.instances.update(record.id, { state: { ...state, status: "exited", error: text, exitCode } });
  } else {
    deps.instances.update(record.id, { state: { status: "created", error: text, exitCode } });
  }
  deps.signals.emit({ kind: "failed", id: record.id, exitCode });
}

/** By the conventions of shells: 127 not found, 126 not executable, 128 for the rest. */
function failureExitCode(text: string): number {
  if (/executable file not found|no such file or directory/.test(text)) return 127;
  return /permission denied|exec format error/.test(text) ? 126 : 128;
}
