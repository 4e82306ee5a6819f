import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newId } from "../../../base/id.ts";
import { parseBytes } from "../../../base/size.ts";
import type { CopyMethod } from "../../../core/volume-snapshot.ts";
import { runConfined } from "../../../os/confined/confined.ts";
import { runWithUs } from "../../../os/dying-child.ts";
import { makeImage, mountImage } from "../../../os/loop.ts";
import { listMounts, unmount } from "../../../os/mount.ts";
import { run, runOk } from "../../../os/process.ts";
import { limitDirectory } from "../../../os/project-quota.ts";

/** What holds a volume's files: a directory, or a file with a file system of a fixed size in it. */
export const dataName = "_data";
export const imageName = "disk.img";
const makingPrefix = ".making-";

/** Name of the entry that holds the content below a volume's home or a snapshot. */
export const storageOf = (home: string): string => (existsSync(join(home, imageName)) ? imageName : dataName);

/** A place for something half-made, beside what it will become; the sweep knows it by its name. */
export function makingPlace(parent: string): string {
  const path = join(parent, `${makingPrefix}${newId().slice(0, 12)}`);
  mkdirSync(path, { recursive: true, mode: 0o755 });
  return path;
}

/** Runs work that ends with the place renamed; takes the place away when it fails. */
export async function inMakingPlace<T>(parent: string, work: (place: string) => Promise<T>): Promise<T> {
  const place = makingPlace(parent);
  try {
    return await work(place);
  } catch (error) {
    unmount(join(place, dataName));
    await removeTree(place);
    throw error;
  }
}

export const removeTree = async (path: string): Promise<void> => void (await runOk("rm", ["-rf", "--", path]));

/** Copies a storage entry, sharing blocks where the file system can; what is copied must not change meanwhile. */
export async function copyStorage(from: string, to: string): Promise<CopyMethod> {
  const method = (await canReflink(join(to, ".."))) ? "reflink" : "copy";
  await runWithUs("cp", ["-a", "--reflink=auto", "--no-target-directory", "--", from, to]);
  await runWithUs("sync", ["-f", "--", join(to, "..")]);
  return method;
}

async function canReflink(directory: string): Promise<boolean> {
  const probe = join(directory, `.probe-${newId().slice(0, 12)}`);
  writeFileSync(probe, "x".repeat(4096));
  try {
    return (await run("cp", ["--reflink=always", "--", probe, `${probe}.copy`])).exitCode === 0;
  } finally {
    for (const path of [probe, `${probe}.copy`]) rmSync(path, { force: true });
  }
}

/** What the files of a tree hold, or the blocks that an image takes. */
export async function contentBytes(path: string): Promise<number> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return (stat?.blocks ?? 0) * 512;
  return ((await runConfined({ op: "usage", target: path })) as { sizeBytes: number }).sizeBytes;
}

/** Limits the data directory of a place: by the file system's own quota where it has one, else by an image beside it. */
export async function limitStorage(place: string, size: string): Promise<void> {
  const bytes = parseBytes(size);
  if (!limitDirectory(join(place, dataName), bytes)) await makeImage(join(place, imageName), bytes);
}

/** Mounts a volume's image. */
export function mountVolume(file: string, target: string): void {
  mountImage(file, target);
  try {
    rmdirSync(join(target, "lost+found"));
  } catch {
    // It is gone since the first mount, or holds what a repair found.
  }
}

export const isMounted = (path: string): boolean => listMounts().some(({ target }) => target === path);

/** Removes what an earlier process left half-made or half-removed, below the root and in each volume's home. */
export async function sweepStorage(root: string): Promise<void> {
  for (const { target } of listMounts()) {
    if (target.startsWith(`${root}/`) && target.includes(`/${makingPrefix}`)) unmount(target);
  }
  const homes = readdirSync(root).map((name) => join(root, name));
  for (const directory of [root, ...homes, ...homes.map((home) => join(home, "snapshots"))]) {
    for (const name of namesIn(directory)) if (name.startsWith(".")) await removeTree(join(directory, name));
  }
}

const namesIn = (directory: string): string[] => (existsSync(directory) ? readdirSync(directory) : []);
