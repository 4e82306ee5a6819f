import { join } from "node:path";
import { invalid } from "../../base/error.ts";
import type { InstanceMount, InstanceRecord } from "../../core/instance.ts";
import type { VolumeRecord } from "../../core/volume.ts";
import { onVolume } from "../volume/lock.ts";
import type { InstanceDeps } from "./deps.ts";

/** The volume's directory, mounted and filled from the image the first time. */
export function volumeSource(
  deps: InstanceDeps,
  record: InstanceRecord,
  mount: InstanceMount,
  rootPath: string,
): Promise<string> {
  return onVolume(deps, mount.source, async () => {
    const volume = deps.volumes.get(mount.source);
    if (!volume) throw invalid(`volume ${mount.source} of container ${record.name} does not exist any more`);
    const path = await deps.volumeDriver.mount(volume, record.id);
    if (!mount.noCopy && deps.volumeDriver.isEmpty(volume.name)) {
      await deps.archive.copyUp({ path: rootPath }, mount.target, path);
    }
    return mount.subpath === undefined ? path : partOf(deps, path, { volume, subpath: mount.subpath });
  });
}

function partOf(
  { machine }: InstanceDeps,
  path: string,
  { volume, subpath }: { volume: VolumeRecord; subpath: string },
): string {
  const inside = join(path, subpath);
  if (machine.pathKind(inside) === undefined) {
    throw invalid(`volume subpath ${subpath} is not in the volume ${volume.name}`);
  }
  // A link in the volume must not lead the mount to somewhere else on the host.
  const [real, top] = [machine.realPath(inside), machine.realPath(path)];
  if (real !== top && !real.startsWith(`${top}/`)) {
    throw invalid(`volume subpath ${subpath} leads out of the volume ${volume.name}`);
  }
  return inside;
}

const volumesOf = ({ volumes }: Pick<InstanceDeps, "volumes">, { mounts }: InstanceRecord): VolumeRecord[] =>
  mounts.flatMap(({ type, source }) => (type === "volume" ? (volumes.get(source) ?? []) : []));

/** Notes that an instance that runs since an earlier process has its volumes mounted. */
export function holdVolumes(deps: InstanceDeps, record: InstanceRecord): void {
  for (const volume of volumesOf(deps, record)) deps.volumeDriver.hold(volume, record.id);
}

/** Gives the mounts of devices and sized images back, unless another instance has them. */
export function releaseVolumes(deps: InstanceDeps, record: InstanceRecord): void {
  for (const volume of volumesOf(deps, record)) deps.volumeDriver.release(volume, record.id);
}

/** Runs work on the files of an instance that does not run, its volumes mounted meanwhile. */
export async function withVolumesMounted<T>(
  deps: InstanceDeps,
  record: InstanceRecord,
  work: () => Promise<T>,
): Promise<T> {
  const user = `files of ${record.id} ${crypto.randomUUID()}`;
  const volumes = volumesOf(deps, record);
  try {
    for (const volume of volumes) {
      await onVolume(deps, volume.name, () => deps.volumeDriver.mount(volume, user));
    }
    return await work();
  } finally {
    for (const volume of volumes) deps.volumeDriver.release(volume, user);
  }
}
