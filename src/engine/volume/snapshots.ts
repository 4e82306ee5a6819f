import { conflict, invalid } from "../../base/error.ts";
import { now } from "../../base/time.ts";
import { isRunning } from "../../core/instance.ts";
import type { VolumeRecord } from "../../core/volume.ts";
import type { CopyMethod, VolumeSnapshot } from "../../core/volume-snapshot.ts";
import type { InstanceDeps } from "../instance/deps.ts";
import { volumeUsers } from "../instance/remove.ts";
import { newVolume, publishVolume, recordVolume } from "./create.ts";
import { onVolume } from "./lock.ts";
import { withUsersHeld } from "./still.ts";
import { findVolume } from "./volumes.ts";

/** Keeps the volume's content of this moment; the instances that write to it are frozen for as long as that takes. */
export async function snapshotVolume(deps: InstanceDeps, volumeName: string, wanted: string): Promise<VolumeSnapshot> {
  const volume = findVolume(deps, volumeName);
  const createdAt = now();
  const name = wanted || createdAt.slice(0, 23).replace(/[-:.]/g, "");
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/.test(name)) {
    throw invalid(`invalid snapshot name "${name}": only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
  }
  const made = await withUsersHeld(deps, volumeName, { still: true }, () =>
    deps.volumeDriver.snapshot(findVolume(deps, volumeName), name, createdAt),
  );
  publishVolume(deps, volume, "snapshot", { snapshot: name });
  return made;
}

export function listSnapshots(deps: InstanceDeps, volumeName: string): VolumeSnapshot[] {
  return deps.volumeDriver.listSnapshots(findVolume(deps, volumeName).name);
}

export async function removeSnapshot(deps: InstanceDeps, volumeName: string, snapshot: string): Promise<void> {
  const volume = findVolume(deps, volumeName);
  await onVolume(deps, volumeName, () => deps.volumeDriver.removeSnapshot(volumeName, snapshot));
  publishVolume(deps, volume, "snapshot-remove", { snapshot });
}

/** Gives the volume the content of a snapshot back. Instances that run with it would keep the old one: refused. */
export async function restoreVolume(deps: InstanceDeps, volumeName: string, snapshot: string): Promise<CopyMethod> {
  const volume = findVolume(deps, volumeName);
  const method = await withUsersHeld(deps, volumeName, { still: false }, async () => {
    const running = volumeUsers(deps, volumeName).filter(isRunning);
    if (running.length > 0) {
      const names = running.map(({ name }) => name).join(", ");
      throw conflict(`restore ${volumeName}: volume is in use by running containers - [${names}]`, {
        hint: "stop them first",
      });
    }
    return await deps.volumeDriver.restore(findVolume(deps, volumeName), snapshot);
  });
  publishVolume(deps, volume, "restore", { snapshot });
  return method;
}

export interface CloneRequest {
  readonly source: string;
  /** Undefined for the content of this moment. */
  readonly snapshot?: string | undefined;
  readonly target: string;
}

/** Makes a volume with the options and labels of another and the content of it or of its snapshot. */
export async function cloneVolume(
  deps: InstanceDeps,
  { source, snapshot, target }: CloneRequest,
): Promise<{ volume: VolumeRecord; method: CopyMethod }> {
  const { labels, options } = findVolume(deps, source);
  const volume = newVolume({ name: target, labels, options });
  const method = await onNewVolume(deps, volume, () =>
    withUsersHeld(deps, source, { still: snapshot === undefined }, () =>
      deps.volumeDriver.clone({ volume: findVolume(deps, source), snapshot }, volume),
    ),
  );
  return { volume, method };
}

/** Runs what makes a volume's storage, then records it. */
export function onNewVolume<T>(deps: InstanceDeps, volume: VolumeRecord, make: () => Promise<T>): Promise<T> {
  const { name } = volume;
  const refuse = () => {
    if (deps.volumes.get(name)) throw conflict(`volume ${name} exists already`, { hint: "choose another name" });
  };
  refuse();
  return deps.locks.run(`new volume ${name}`, async () => {
    refuse();
    const result = await make();
    recordVolume(deps, volume);
    return result;
  });
}
