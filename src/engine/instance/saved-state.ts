import { join } from "node:path";
import { now } from "../../base/time.ts";
import type { InstanceRecord, RunningState } from "../../core/instance.ts";
import type { Saving } from "../../core/runtime.ts";
import type { InstanceDeps } from "./deps.ts";
import { findInstance, runtimeOf } from "./find.ts";

export type Running = InstanceRecord & { state: RunningState };

/** The machine that was saved last; it is removed the moment it goes on, since its disk changes from then. */
export const savedPath = ({ settings }: InstanceDeps, id: string): string =>
  join(settings.paths.instance(id), "suspended");
/** One that is being saved. */
export const makingPath = ({ settings }: InstanceDeps, id: string): string =>
  join(settings.paths.instance(id), "suspending");

export function noteSuspended(deps: InstanceDeps, { id, state }: Running, wakes: boolean): Running {
  const { heldStill: _, ...rest } = state;
  const suspended = { at: now(), wakes };
  return deps.instances.update(id, { state: { ...rest, status: "paused", suspended } }) as Running;
}

/** Its processes end; its place on the networks stays. */
export async function endSaved(deps: InstanceDeps, { id, state }: Running, saving: Saving): Promise<void> {
  await saving.leave(id);
  await runtimeOf(deps, findInstance(deps, id)).delete(id);
  deps.rotations.unwatch(id);
  deps.execs.dropAll(id);
  deps.exits.forget(id);
  deps.instances.update(id, { state: { ...state, pid: 0, pidStart: 0 } });
}

/** In one step as seen after a crash: it is there whole, or not at all. */
export async function removeSaved(deps: InstanceDeps, record: InstanceRecord): Promise<void> {
  const [saved, making] = [savedPath(deps, record.id), makingPath(deps, record.id)];
  if (deps.machine.pathKind(saved) !== undefined) runtimeOf(deps, record).saving?.place(saved, making);
  await deps.machine.removeTree(making);
}

/** Throws away what was saved of an instance, which counts as ended then. The caller holds its lock. */
export async function discardSaved(deps: InstanceDeps, record: Running, exitCode: number): Promise<void> {
  const { suspended: _, ...state } = record.state;
  deps.instances.update(record.id, { state: { ...state, pid: 0, pidStart: 0 } });
  deps.idle.unwatch(record.id);
  await removeSaved(deps, record);
  deps.exits.tell(record.id, exitCode);
}
