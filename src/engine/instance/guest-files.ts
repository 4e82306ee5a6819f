import { Readable } from "node:stream";
import { type InstanceRecord, isRunning } from "../../core/instance.ts";
import type { GuestRoot } from "../../core/runtime.ts";
import { decompressed } from "../image/decompress.ts";
import type { InstanceDeps } from "./deps.ts";
import { requireAwake, runtimeOf } from "./find.ts";
import { guestDisk } from "./guest.ts";

async function guestRoot(deps: InstanceDeps, record: InstanceRecord): Promise<GuestRoot> {
  // Its disk goes with the memory that was saved: nobody else may write it.
  if (isRunning(record)) requireAwake(record);
  return {
    id: record.id,
    running: isRunning(record),
    image: await deps.imageDisks.ensure(record.layers),
    disk: guestDisk(deps, record),
  };
}

/**
 * Brings the root that the host has up to what a guest wrote on its own disk: the guest packs its changes, and they are
 * unpacked where a container's would be, by the child that may see nothing else. Does nothing for other isolations.
 */
export async function bringUpToDate(deps: InstanceDeps, record: InstanceRecord): Promise<void> {
  const { files } = runtimeOf(deps, record);
  const isNew = record.state.status === "created";
  if (!files || (isNew && deps.machine.pathKind(guestDisk(deps, record)) === undefined)) return;
  await files.readChanges(await guestRoot(deps, record), (layer) => deps.snapshots.replaceChanges(record.id, layer));
}

/** What an instance wrote to its root, in bytes. */
export async function writtenBytes(deps: InstanceDeps, record: InstanceRecord): Promise<number> {
  const runtime = deps.runtimes.get(record.host.Runtime ?? deps.settings.defaultRuntime);
  if (runtime?.files) return runtime.files.usedBytes(guestDisk(deps, record));
  return (await deps.snapshots.usage(record.id)).sizeBytes;
}

export interface GuestWrite {
  readonly path: string;
  readonly tar: Readable;
  readonly keepKind: boolean;
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/** Unpacks an archive in the guest. */
export async function writeInGuest(deps: InstanceDeps, record: InstanceRecord, write: GuestWrite): Promise<void> {
  const plain = Readable.from(decompressed(deps, write.tar));
  await runtimeOf(deps, record).files!.unpack(await guestRoot(deps, record), { ...write, tar: plain });
}
