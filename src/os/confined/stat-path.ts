import { type BigIntStats, lstatSync } from "node:fs";
import { basename } from "node:path";
import { isErrno, notFound } from "../../base/error.ts";
import { followInRoot } from "../in-root.ts";
import type { StatResult } from "./protocol.ts";

/** What is at a path of the root that was entered. */
export function statPath(path: string): StatResult {
  const stat = lstatOf(path);
  return {
    name: basename(path) || "/",
    sizeBytes: Number(stat.size),
    mode: goFileMode(stat),
    modifiedNanos: stat.mtimeNs.toString(),
    linkTarget: stat.isSymbolicLink() ? followInRoot("/", path) : "",
  };
}

function lstatOf(path: string): BigIntStats {
  try {
    return lstatSync(path, { bigint: true });
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG")) throw error;
    throw notFound(`Could not find the file ${path} in container`);
  }
}

const bit = (number: number): number => 2 ** number;

/** Go's os.FileMode of a file. */
export function goFileMode(stat: BigIntStats): number {
  const mode = Number(stat.mode);
  let bits = mode & 0o777;
  if (stat.isDirectory()) bits += bit(31);
  if (stat.isSymbolicLink()) bits += bit(27);
  if (stat.isBlockDevice() || stat.isCharacterDevice()) bits += bit(26);
  if (stat.isFIFO()) bits += bit(25);
  if (stat.isSocket()) bits += bit(24);
  if (mode & 0o4000) bits += bit(23);
  if (mode & 0o2000) bits += bit(22);
  if (stat.isCharacterDevice()) bits += bit(21);
  if (mode & 0o1000) bits += bit(20);
  return bits;
}
