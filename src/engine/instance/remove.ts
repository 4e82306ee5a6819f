import { conflict } from "../../base/error.ts";
import { type InstanceRecord, isRunning } from "../../core/instance.ts";
import { collectUnused } from "../image/collect.ts";
import { publishVolume } from "../volume/create.ts";
import type { InstanceDeps } from "./deps.ts";
import { publishInstanceEvent } from "./events.ts";
import { findInstance, runtimeOf } from "./find.ts";
import { releaseVolumes } from "./instance-volumes.ts";
import { releaseSharedMemory } from "./shared-memory.ts";
import { endProcess } from "./stop.ts";

export interface RemoveOptions {
  readonly force: boolean;
  /** Remove the anonymous volumes too. */
  readonly volumes: boolean;
}

export async function removeInstance(deps: InstanceDeps, text: string, options: RemoveOptions): Promise<void> {
  const { id } = findInstance(deps, text);
  // Another client's start may be under way, or come in between.
  while (!(await endAndRemove(deps, id, options)));
}

/** False when the instance runs again by the time it could have been removed. */
async function endAndRemove(deps: InstanceDeps, id: string, options: RemoveOptions): Promise<boolean> {
  // An instance with --rm is gone by itself once it was killed.
  const before = deps.instances.get(id);
  if (!before) return true;
  if (isRunning(before)) {
    if (!options.force) throw runningConflict(before);
    deps.instances.update(id, { stoppedByHand: true });
    await endProcess(deps, id, { signal: 9, timeoutSeconds: 10 });
  }
  return deps.locks.run(id, async () => {
    const record = deps.instances.get(id);
    if (!record) return true;
    if (isRunning(record)) {
      if (options.force) return false;
      throw runningConflict(record);
    }
    deps.restarts.cancel(id);
    deps.instances.remove(id);
    await purgeInstance(deps, record, options);
    return true;
  });
}

function runningConflict({ name, state }: InstanceRecord) {
  const advice =
    "suspended" in state && state.suspended
      ? "container is suspended: resume and stop it before removing, or force remove"
      : state.status === "paused"
        ? "container is paused and must be unpaused first"
        : "container is running: stop the container before removing or force remove";
  return conflict(`cannot remove container "${name}": ${advice}`);
}

/**
 * Removes what an instance left on disk. Its record is gone already, so that a crash in between leaves only files,
 * which the sweep at the next start removes.
 */
export async function purgeInstance(
  deps: InstanceDeps,
  record: InstanceRecord,
  { volumes }: { volumes: boolean },
): Promise<void> {
  deps.restarts.cancel(record.id);
  publishInstanceEvent(deps, record, "destroy");
  deps.signals.emit({ kind: "removed", id: record.id });
  await runtimeOf(deps, record).delete(record.id);
  await deps.networkDriver.detach(record.id);
  deps.exits.forget(record.id);
  releaseSharedMemory(deps, record);
  releaseVolumes(deps, record);
  deps.logs.remove(deps.settings.paths.log(record.id));
  await deps.machine.removeTree(deps.settings.paths.instance(record.id));
  // Last, since it is by its root that a removal cut short is found.
  await deps.snapshots.removeRoot(record.id);
  if (volumes) await removeAnonymousVolumes(deps, record);
  // The last to stand on an image that was removed by force takes its layers along.
  if (!deps.images.get(record.image.id)) await collectUnused(deps);
}

async function removeAnonymousVolumes(deps: InstanceDeps, record: InstanceRecord): Promise<void> {
  for (const { type, source, anonymous } of record.mounts) {
    const volume = type === "volume" && anonymous ? deps.volumes.get(source) : undefined;
    if (!volume || volumeUsers(deps, source).length > 0) continue;
    deps.volumes.remove(source);
    await deps.volumeDriver.remove(source);
    publishVolume(deps, volume, "destroy");
  }
}

/** Instances that mount the volume. */
export function volumeUsers({ instances }: Pick<InstanceDeps, "instances">, name: string): InstanceRecord[] {
  return instances
    .list()
    .filter(({ mounts }) => mounts.some((mount) => mount.type === "volume" && mount.source === name));
}
