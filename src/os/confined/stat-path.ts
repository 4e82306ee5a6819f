import { type BigIntStats, lstatSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
import { isErrno, notFound } from "../../base/error.ts";
import type { StatResult } from "./protocol.ts";

/** What is at a path of the root that was entered. */
export function statPath(path: string): StatResult {
  const stat = lstatOf(path);
  return {
    name: basename(path) || "/",
    sizeBytes: Number(stat.size),
    mode: goFileMode(stat),
    modifiedNanos: stat.mtimeNs.toString(),
    linkTarget: stat.isSymbolicLink() ? followInRoot(path) : "",
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

/** Where a path leads once all links are followed, as a path within the root; missing parts are kept as written. */
function followInRoot(path: string): string {
  const linkLimit = 255;
  let done: string[] = [];
  let left = path.split("/");
  let links = 0;
  while (left.length > 0) {
    const [part, ...rest] = left as [string, ...string[]];
    left = rest;
    if (part === "" || part === ".") continue;
    if (part === "..") {
      done = done.slice(0, -1);
      continue;
    }
    const target = linkAt(`/${[...done, part].join("/")}`);
    if (target === undefined) {
      done = [...done, part];
      continue;
    }
    links += 1;
    if (links > linkLimit) throw notFound(`too many links in ${path}`);
    if (target.startsWith("/")) done = [];
    left = [...target.split("/"), ...left];
  }
  return `/${done.join("/")}`;
}

function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
