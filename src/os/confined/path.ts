import { type BigIntStats, lstatSync, readdirSync, rmdirSync, unlinkSync } from "node:fs";
import { isErrno } from "../../base/error.ts";

/** Paths in the child are bytes relative to its present directory: names need not be UTF-8. */
export const here: Buffer = Buffer.from(".");

const slash = 0x2f;

export function parentOf(path: Buffer): Buffer {
  const end = path.lastIndexOf(slash);
  return end === -1 ? Buffer.alloc(0) : path.subarray(0, end);
}

export const baseName = (path: Buffer): Buffer => path.subarray(path.lastIndexOf(slash) + 1);

export function joinPath(parent: Buffer, name: Buffer): Buffer {
  if (parent.length === 0) return name;
  return Buffer.concat(parent.at(-1) === slash ? [parent, name] : [parent, Buffer.from("/"), name]);
}

export function isDirectory(path: Buffer): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** overlayfs hides a lower entry by a character device 0:0. */
export const isWhiteoutNode = (stat: BigIntStats): boolean => stat.isCharacterDevice() && stat.rdev === 0n;

/** Names in a directory as bytes, in byte order. */
export function listNames(path: Buffer): Buffer[] {
  return (readdirSync(path, { encoding: "buffer" }) as Buffer[]).sort(Buffer.compare);
}

/** Removes a path and all below it, following no links. */
export function removeTree(path: Buffer): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isErrno(error, "EISDIR", "EPERM")) throw error;
    for (const name of listNames(path)) removeTree(joinPath(path, name));
    rmdirSync(path);
  }
}
