import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { conflict, notFound, unsupported } from "../../../base/error.ts";
import { parseBytes } from "../../../base/size.ts";
import type { ContentSource, VolumeDriver, VolumeRecord } from "../../../core/volume.ts";
import type { CopyMethod, StillTree, VolumeSnapshot } from "../../../core/volume-snapshot.ts";
import { runWithUs } from "../../../os/dying-child.ts";
import { exchangePaths } from "../../../os/files.ts";
import { unmount } from "../../../os/mount.ts";
import { limitDirectory, unlimitDirectory } from "../../../os/project-quota.ts";
import {
  contentBytes,
  copyStorage,
  dataName,
  imageName,
  inMakingPlace,
  isMounted,
  makingPlace,
  mountVolume,
  removeTree,
  storageOf,
} from "./storage.ts";

type Snapshots = Pick<VolumeDriver, "listSnapshots" | "snapshot" | "removeSnapshot" | "restore" | "clone" | "open">;

/** Snapshots as `HOME/snapshots/NAME/{_data or disk.img, snapshot.json}`, on the file system of the volume itself. */
export function createSnapshots(root: string): Snapshots {
  const home = (name: string) => join(root, name);
  return {
    listSnapshots: (name) => list(join(home(name), "snapshots")),
    snapshot: (volume, name, createdAt) => take(home(ours(volume).name), name, createdAt),
    async removeSnapshot(name, snapshot) {
      const doomed = makingPlace(home(name));
      renameSync(snapshotHome(home(name), snapshot), join(doomed, "snapshot"));
      await removeTree(doomed);
    },
    restore: (volume, snapshot) => restore(home(ours(volume).name), snapshot, volume.options["size"]),
    clone: (source, target) => clone(root, source, target),
    open: (source) => open(root, source),
  };
}

function ours(volume: VolumeRecord): VolumeRecord {
  if (!volume.options["device"]) return volume;
  throw unsupported(`volume ${volume.name} lies on ${volume.options["device"]}, whose content is not isle's to copy`, {
    hint: "take the snapshot where the device is kept",
  });
}

function list(directory: string): VolumeSnapshot[] {
  const names = existsSync(directory) ? readdirSync(directory).filter((name) => !name.startsWith(".")) : [];
  return names
    .map((name) => JSON.parse(readFileSync(join(directory, name, "snapshot.json"), "utf8")) as VolumeSnapshot)
    .sort((a, b) => (`${a.createdAt} ${a.name}` < `${b.createdAt} ${b.name}` ? -1 : 1));
}

/** Nothing that leads out of the directory of snapshots. */
const snapshotName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

function snapshotHome(home: string, snapshot: string): string {
  const path = join(home, "snapshots", snapshot);
  if (snapshotName.test(snapshot) && existsSync(path)) return path;
  throw notFound(`no such snapshot: ${snapshot}`, { hint: "isle volume ls-snapshots lists them" });
}

/** Where the content of a volume or of one of its snapshots is. */
function originOf(root: string, { volume, snapshot }: ContentSource): string {
  const home = join(root, ours(volume).name);
  return snapshot === undefined ? home : snapshotHome(home, snapshot);
}

async function take(home: string, name: string, createdAt: string): Promise<VolumeSnapshot> {
  const target = join(home, "snapshots", name);
  if (existsSync(target)) throw conflict(`snapshot ${name} exists already`, { hint: "choose another name" });
  mkdirSync(join(home, "snapshots"), { recursive: true, mode: 0o700 });
  return await inMakingPlace(join(home, "snapshots"), async (place) => {
    const method = await copyContent(home, place);
    const sizeBytes = await contentBytes(join(place, storageOf(place)));
    const snapshot: VolumeSnapshot = { name, createdAt, method, sizeBytes };
    writeFileSync(join(place, "snapshot.json"), JSON.stringify(snapshot));
    renameSync(place, target);
    return snapshot;
  });
}

/** Copies the directory or the image from one home to another; what its file system still holds back comes first. */
async function copyContent(from: string, to: string, size?: string): Promise<CopyMethod> {
  const storage = storageOf(from);
  // A create that was cut short leaves a volume without its directory.
  mkdirSync(join(from, dataName), { recursive: true, mode: 0o755 });
  const data = join(from, dataName);
  if (storage === imageName && isMounted(data)) await runWithUs("sync", ["-f", "--", data]);
  if (size && storage === dataName) {
    mkdirSync(join(to, dataName));
    limitDirectory(join(to, dataName), parseBytes(size));
  }
  return copyStorage(join(from, storage), join(to, storage));
}

function restore(home: string, snapshot: string, size: string | undefined): Promise<CopyMethod> {
  const from = snapshotHome(home, snapshot);
  return inMakingPlace(home, async (place) => {
    const method = await copyContent(from, place, size);
    const storage = storageOf(place);
    unmount(join(home, dataName));
    exchangePaths(join(place, storage), join(home, storage));
    unlimitDirectory(join(place, dataName));
    await removeTree(place);
    return method;
  });
}

function clone(root: string, source: ContentSource, target: VolumeRecord): Promise<CopyMethod> {
  const from = originOf(root, source);
  return inMakingPlace(root, async (place) => {
    const method = await copyContent(from, place, target.options["size"]);
    mkdirSync(join(place, dataName), { recursive: true, mode: 0o755 });
    renameSync(place, join(root, target.name));
    return method;
  });
}

async function open(root: string, source: ContentSource): Promise<StillTree> {
  const from = originOf(root, source);
  const inImage = storageOf(from) === imageName;
  if (source.snapshot !== undefined && !inImage) return { path: join(from, dataName), close: async () => {} };
  return await inMakingPlace(join(root, source.volume.name), async (place) => {
    await copyContent(from, place);
    const path = join(place, dataName);
    if (inImage) {
      mkdirSync(path);
      mountVolume(join(place, imageName), path);
    }
    return {
      path,
      async close() {
        unmount(path);
        await removeTree(place);
      },
    };
  });
}
