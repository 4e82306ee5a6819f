import { chownSync, closeSync, existsSync, mkdirSync, openSync, renameSync, truncateSync } from "node:fs";
import { dirname, join } from "node:path";
import { IsleError } from "../base/error.ts";
import { findProgram } from "../os/find-program.ts";
import { runOk } from "../os/process.ts";
import { copySparse } from "../os/sparse-copy.ts";
import { cacheDirectory } from "./places.ts";
import { diskBytes } from "./qemu/arguments.ts";

/** Makes a writable disk with an empty file system of `bytes`; a few milliseconds once one of that size was made. */
export async function makeDisk(path: string, bytes: number, user: number): Promise<void> {
  const seed = await seedDisk(bytes);
  copySparse(seed, path, 0o600);
  chownSync(path, user, user);
}

/** Of a disk that a guest has filled as much as it liked: shares its blocks where the file system can. */
export async function copyDisk(from: string, to: string, user: number): Promise<void> {
  await runOk("cp", ["--sparse=auto", "--reflink=auto", from, to]);
  chownSync(to, user, user);
}

/** A disk of zeros for a slot that nothing uses. */
export function blankDisk(): string {
  const path = join(cacheDirectory(), "disks", "blank");
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const making = `${path}.${process.pid}`;
  closeSync(openSync(making, "w", 0o644));
  truncateSync(making, diskBytes);
  renameSync(making, path);
  return path;
}

async function seedDisk(bytes: number): Promise<string> {
  const path = join(cacheDirectory(), "disks", `ext4-${bytes}`);
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const making = `${path}.${process.pid}`;
  const program = findProgram("mke2fs");
  if (!program) throw new IsleError("unavailable", "mke2fs is not installed", { hint: "apt-get install e2fsprogs" });
  const lazy = "lazy_itable_init=1,lazy_journal_init=1,nodiscard";
  const options = [
    "-q",
    "-F",
    "-t",
    "ext4",
    "-m",
    "0",
    "-b",
    "4096",
    "-J",
    "size=8",
    "-O",
    "^resize_inode",
    "-E",
    lazy,
  ];
  await runOk(program, [...options, making, `${Math.floor(bytes / 1024)}k`]);
  truncateSync(making, diskBytes);
  renameSync(making, path);
  return path;
}
