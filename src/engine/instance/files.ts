import type { Readable } from "node:stream";
import { IsleError, isCode, messageOf, notFound } from "../../base/error.ts";
import type { PackedPath, PathStat, TreeRoot } from "../../core/archive.ts";
import { type InstanceRecord, isRunning } from "../../core/instance.ts";
import type { Change } from "../../core/snapshot.ts";
import type { InstanceDeps } from "./deps.ts";
import { publishInstanceEvent } from "./events.ts";
import { findInstance, procOf, runtimeOf } from "./find.ts";
import { bringUpToDate, writeInGuest } from "./guest-files.ts";
import { userIn } from "./instance-spec.ts";
import { withVolumesMounted } from "./instance-volumes.ts";

/**
 * The file tree of an instance: of a running one as its first process sees it, of a stopped one its root with the
 * volumes and binds it would get.
 */
/** A path that is not there is told with the instance's name. */
async function withTree<T>(
  deps: InstanceDeps,
  record: InstanceRecord,
  work: (root: TreeRoot) => Promise<T>,
): Promise<T> {
  try {
    return await inTree(deps, record, work);
  } catch (error) {
    const isNameless = isCode(error, "notFound") && messageOf(error).endsWith("in container");
    throw isNameless ? notFound(`${messageOf(error)} ${record.name}`) : error;
  }
}

async function inTree<T>(deps: InstanceDeps, record: InstanceRecord, work: (root: TreeRoot) => Promise<T>): Promise<T> {
  if (isRunning(record) && hostSeesTree(deps, record)) return work({ path: `${procOf(deps, record)}/root` });
  if (isRunning(record)) await bringUpToDate(deps, record);
  const path = await mountRoot(deps, record);
  const mounts = record.mounts.filter(({ type }) => type !== "tmpfs").map((mount) => treeMount(deps, mount));
  return withVolumesMounted(deps, record, () => {
    for (const { source, target } of mounts) makePlace(deps, path, { source, target });
    return work({ path, mounts });
  });
}

/** A sandbox's first process, as the host sees it, is gVisor itself, which looks at the same root and volumes. */
const hostSeesTree = (deps: InstanceDeps, record: InstanceRecord): boolean =>
  runtimeOf(deps, record).isolation === "container";

/** Where a directory is to be mounted, which the first start would make. */
function makePlace(
  { machine }: InstanceDeps,
  root: string,
  { source, target }: { source: string; target: string },
): void {
  if (machine.pathKind(source) !== "directory") return;
  try {
    machine.makeDirectoryInRoot(root, target);
  } catch {
    // Something else is in its place: the mount is skipped.
  }
}

/** Not while an end of the instance is taking its root away. */
const mountRoot = (deps: InstanceDeps, { id }: InstanceRecord): Promise<string> =>
  deps.locks.run(id, async () => {
    const record = findInstance(deps, id);
    if (!isRunning(record)) await bringUpToDate(deps, record);
    return deps.snapshots.mount(id);
  });

function treeMount(deps: InstanceDeps, { type, source, target, readonly }: InstanceRecord["mounts"][number]) {
  return { source: type === "volume" ? deps.volumeDriver.path(source) : source, target, readonly };
}

export function statPath(deps: InstanceDeps, text: string, path: string): Promise<PathStat> {
  const record = findInstance(deps, text);
  return withTree(deps, record, (root) => deps.archive.stat(root, path));
}

export async function readPath(deps: InstanceDeps, text: string, path: string): Promise<PackedPath> {
  const record = findInstance(deps, text);
  const packed = await withTree(deps, record, (root) => deps.archive.read(root, path));
  publishInstanceEvent(deps, record, "archive-path");
  return packed;
}

export interface WritePathRequest {
  /** Directory to unpack into. */
  readonly path: string;
  readonly tar: Readable;
  readonly keepKind: boolean;
  /** Give the files to the instance's user. */
  readonly copyOwner: boolean;
}

export async function writePath(
  deps: InstanceDeps,
  text: string,
  { path, tar, ...options }: WritePathRequest,
): Promise<void> {
  const record = findInstance(deps, text);
  if (record.host.ReadonlyRootfs && !inWritableMount(record, path)) {
    throw new IsleError("forbidden", "container rootfs is marked read-only");
  }
  const place = { path, tar, keepKind: options.keepKind, copyOwner: options.copyOwner };
  if (runtimeOf(deps, record).files && !inMount(record, path)) await writeGuestPath(deps, record, place);
  else await writeTreePath(deps, record, place);
  publishInstanceEvent(deps, record, "extract-to-dir");
}

async function writeTreePath(deps: InstanceDeps, record: InstanceRecord, write: WritePathRequest): Promise<void> {
  const { path, tar, ...options } = write;
  await withTree(deps, record, async (root) => {
    const user = options.copyOwner ? userIn(deps, root.path, record.config.User ?? "", []) : undefined;
    await deps.archive.write(root, path, tar, {
      keepKind: options.keepKind,
      ...(user && { owner: { uid: user.uid, gid: user.gid } }),
    });
  });
}

/** Not while it is being started, which would have two guests on one disk. */
async function writeGuestPath(deps: InstanceDeps, record: InstanceRecord, write: WritePathRequest): Promise<void> {
  const { copyOwner, ...rest } = write;
  const user = copyOwner ? userIn(deps, deps.snapshots.mount(record.id), record.config.User ?? "", []) : undefined;
  const owner = user && { uid: user.uid, gid: user.gid };
  const unpack = () => writeInGuest(deps, findInstance(deps, record.id), { ...rest, ...(owner && { owner }) });
  await (isRunning(record) ? unpack() : deps.locks.run(record.id, unpack));
}

const inMount = ({ mounts }: InstanceRecord, path: string): boolean =>
  mounts.some(({ type, target }) => type !== "tmpfs" && (path === target || path.startsWith(`${target}/`)));

function inWritableMount({ mounts }: InstanceRecord, path: string): boolean {
  return mounts.some(({ target, readonly }) => !readonly && (path === target || path.startsWith(`${target}/`)));
}

export async function exportInstance(deps: InstanceDeps, text: string): Promise<Readable> {
  const record = findInstance(deps, text);
  publishInstanceEvent(deps, record, "export");
  if (isRunning(record)) await bringUpToDate(deps, record);
  // Docker's export holds the root without volumes.
  return deps.archive.exportRoot({ path: await mountRoot(deps, record) });
}

/** What the instance changed of its image. */
export async function listChanges(deps: InstanceDeps, text: string): Promise<Change[]> {
  const { id } = findInstance(deps, text);
  return deps.locks.run(id, async () => {
    await bringUpToDate(deps, findInstance(deps, id));
    return deps.snapshots.changes(id);
  });
}
