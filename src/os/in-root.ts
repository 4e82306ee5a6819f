import { chmodSync, closeSync, constants, fstatSync, lchownSync, mkdirSync, readlinkSync, readSync } from "node:fs";
import { join } from "node:path";
import { invalid, isErrno, notFound } from "../base/error.ts";
import { check, cString, libc } from "./libc.ts";

const openat2 = 437;
const atFdCwd = -100;
const resolveInRoot = 0x10;
const resolveNoMagicLinks = 0x02;

/**
 * Opens a path inside a tree as if the tree were `/`: absolute links and `..` stay within it, whatever the tree's
 * owner put there. Fails like open(2). The caller closes the descriptor.
 */
export function openInRoot(root: string, path: string, flags = constants.O_RDONLY): number {
  const rootFd = openDirectory(root);
  try {
    const how = new BigUint64Array([BigInt(flags | 0o2000000), 0n, BigInt(resolveInRoot | resolveNoMagicLinks)]);
    const relative = cString(path.replace(/^\/+/, "") || ".");
    return Number(check(libc.syscall(openat2, rootFd, relative, how, 24n), "openat2", path));
  } finally {
    closeSync(rootFd);
  }
}

/**
 * Makes a directory of a tree with its parents, each step resolved within the tree; quiet when it is there. What is made
 * belongs to the owner, else to root. A link to nowhere or a file in the way fails like mkdir(2).
 */
export function makeDirectoryInRoot(
  root: string,
  path: string,
  owner?: { uid: number; gid: number },
  mode = 0o755,
): void {
  const parts = path.split("/").filter(Boolean);
  let walked = "";
  for (const part of parts) {
    const parent = openInRoot(root, walked, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      mkdirSync(`/proc/self/fd/${parent}/${part}`, mode);
      if (mode !== 0o755) chmodSync(`/proc/self/fd/${parent}/${part}`, mode);
      if (owner) lchownSync(`/proc/self/fd/${parent}/${part}`, owner.uid, owner.gid);
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error;
    } finally {
      closeSync(parent);
    }
    walked = `${walked}/${part}`;
  }
}

export function isDirectoryInRoot(root: string, path: string): boolean {
  try {
    closeSync(openInRoot(root, path, constants.O_RDONLY | constants.O_DIRECTORY));
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP")) return false;
    throw error;
  }
}

function openDirectory(path: string): number {
  const how = new BigUint64Array([BigInt(constants.O_RDONLY | constants.O_DIRECTORY | 0o2000000), 0n, 0n]);
  return Number(check(libc.syscall(openat2, atFdCwd, cString(path), how, 24n), "openat2", path));
}

/** A regular file of a tree as text, undefined when it is not there; invalid above `maxBytes`. */
export function readTextInRoot(root: string, path: string, maxBytes = 1 << 20): string | undefined {
  let file: number;
  try {
    // O_NONBLOCK: a FIFO put in the file's place must not hang us.
    file = openInRoot(root, path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "ENXIO")) return undefined;
    throw error;
  }
  try {
    return readOpened(file, path, maxBytes);
  } finally {
    closeSync(file);
  }
}

function readOpened(file: number, path: string, maxBytes: number): string | undefined {
  const stat = fstatSync(file);
  if (!stat.isFile()) return undefined;
  if (stat.size > maxBytes) throw invalid(`${path} in the image is larger than ${maxBytes} bytes`);
  const buffer = Buffer.alloc(stat.size);
  const length = readSync(file, buffer, 0, stat.size, 0);
  return buffer.toString("utf8", 0, length);
}

/**
 * Where a path of a tree that nobody else changes leads once all links are followed within the tree, as a path of the tree;
 * missing parts are kept as written. Fails with notFound where links go round.
 */
export function followInRoot(root: string, path: string): string {
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
    const target = linkAt(join(root, ...done, part));
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
