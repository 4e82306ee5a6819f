import { join } from "node:path";
import { conflict } from "../../base/error.ts";
import { type InstanceRecord, isRunning } from "../../core/instance.ts";
import type { InstanceDeps } from "./deps.ts";
import { findInstance } from "./find.ts";

export type SharedMemory = { readonly bytes: number } | { readonly bind: string } | "none";

const isShareable = ({ host }: InstanceRecord): boolean => host.IpcMode === "shareable";

const placeOf = ({ settings }: InstanceDeps, id: string): string => join(settings.paths.instance(id), "shm");

const bytesOf = ({ settings }: InstanceDeps, { host }: InstanceRecord): number =>
  host.ShmSize || settings.defaultShmBytes;

/** What an instance gets as its /dev/shm. A shareable one has it on the host, so that others can mount the same. */
export function planSharedMemory(deps: InstanceDeps, record: InstanceRecord): SharedMemory {
  const mode = record.host.IpcMode ?? "private";
  if (mode === "none") return "none";
  if (mode === "host") return { bind: "/dev/shm" };
  if (isShareable(record)) return { bind: placeOf(deps, record.id) };
  const donor = /^container:(.+)$/.exec(mode)?.[1];
  return donor === undefined ? { bytes: bytesOf(deps, record) } : { bind: placeOfDonor(deps, donor) };
}

function placeOfDonor(deps: InstanceDeps, name: string): string {
  const donor = findInstance(deps, name);
  if (!isRunning(donor)) throw conflict(`cannot join IPC of a non running container: ${donor.id}`);
  if (!isShareable(donor)) {
    throw conflict(`cannot join IPC of container ${donor.id}: non-shareable IPC`, {
      hint: "use IpcMode:shareable for the donor container",
    });
  }
  return placeOf(deps, donor.id);
}

/** Makes the memory of a shareable instance; the caller undoes it with `releaseSharedMemory`. */
export function mountSharedMemory(deps: InstanceDeps, record: InstanceRecord): void {
  if (isShareable(record)) deps.machine.mountMemory(placeOf(deps, record.id), bytesOf(deps, record));
}

/** Instances that mounted the same keep it. Quiet when there is none. */
export function releaseSharedMemory(deps: InstanceDeps, record: InstanceRecord): void {
  if (isShareable(record)) deps.machine.unmount(placeOf(deps, record.id));
}
