import { now } from "../../base/time.ts";
import type { Undo } from "../../base/undo.ts";
import type { Endpoint, InstanceRecord, RunningState } from "../../core/instance.ts";
import type { InstanceDeps } from "./deps.ts";
import { runtimeOf } from "./find.ts";
import { type SavedGuest, socketsOf, withGuestRoot } from "./guest.ts";
import { planInstanceMounts } from "./instance-mounts.ts";
import { planInstanceSpec } from "./instance-spec.ts";
import { releaseVolumes } from "./instance-volumes.ts";
import { type Joined, joinNetwork } from "./join-network.ts";
import { mountSharedMemory, releaseSharedMemory } from "./shared-memory.ts";

/** What goes on instead of beginning: a machine that was saved. */
export interface Origin extends SavedGuest {
  /** Where it stayed on its networks. */
  readonly joined?: Joined | undefined;
  /** What it had on networks that it must join again. */
  readonly endpoints?: readonly Endpoint[];
  /** Done when nothing may fail any more but the workload itself. */
  readonly leaveBehind?: () => Promise<void>;
}

/** Makes the process and lets it run. What it did so far is undone when this fails. */
export async function bringUp(
  deps: InstanceDeps,
  record: InstanceRecord,
  undo: Undo,
  origin?: Origin,
): Promise<RunningState> {
  const runtime = runtimeOf(deps, record);
  const { id } = record;
  deps.exits.forget(id);
  const rootPath = deps.snapshots.mount(id);
  undo.add(() => deps.snapshots.unmount(id));
  mountSharedMemory(deps, record);
  undo.add(() => releaseSharedMemory(deps, record));
  const joined = origin?.joined ?? (await joinNetwork(deps, record, undo, origin?.endpoints));
  undo.add(() => releaseVolumes(deps, record));
  const mounts = await planInstanceMounts(deps, record, { rootPath, joined });
  const planned = planInstanceSpec(deps, record, { rootPath, joined, mounts });
  const spec =
    runtime.isolation === "microvm" ? await withGuestRoot(deps, record, planned, { joined, origin }) : planned;
  const sockets = socketsOf(record).map(({ source }) => source);
  undo.add(() => runtime.delete(id));
  const { pid, pidStart } = await runtime.create({
    id,
    bundle: deps.settings.paths.instance(id),
    spec,
    logPath: deps.settings.paths.log(id),
    terminal: record.config.Tty ?? false,
    stdin: record.config.OpenStdin ?? false,
    leaveStdinOpen: !record.config.StdinOnce,
    opensSockets: sockets.length > 0,
  });
  // Written before the command runs, so that a crash in between finds the process and undoes the start.
  const state = runningState({ pid, pidStart }, joined);
  deps.instances.update(id, { state: { ...state, startingFrom: record.state } });
  undo.add(() => deps.instances.update(id, { state: record.state }));
  if (record.users) deps.machine.ownStreams(pid, record.users.first + spec.process.user.uid);
  deps.rotations.watch(deps, record);
  await origin?.leaveBehind?.();
  await runtime.start(id);
  if (sockets.length > 0) await runtime.answerSockets?.(id, sockets);
  return { ...state, startedAt: now() };
}

function runningState(created: { pid: number; pidStart: number }, joined: Joined): RunningState {
  const { endpoints, netns } = joined;
  return { status: "running", ...created, startedAt: now(), endpoints, netns };
}
