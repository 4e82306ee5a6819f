import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { isErrno } from "../base/error.ts";
import { check, cString, libc } from "./libc.ts";

/** Replaces a file so that a reader, or a start after a crash, sees the old or the new content, never a part. */
export function writeFileAtomic(path: string, content: string | Uint8Array, mode = 0o644): void {
  const temporary = `${path}.tmp-${process.pid}-${Math.random().toString(36).slice(2)}`;
  const file = openSync(temporary, "wx", mode);
  try {
    writeFileSync(file, content);
    fsyncSync(file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}

/** The file's text, or undefined when there is none. */
export function readTextIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** Two paths of one file system change places in one step. */
export function exchangePaths(a: string, b: string): void {
  const [here, exchange] = [-100, 2];
  check(libc.renameat2(here, cString(a), here, cString(b), exchange), "renameat2", a);
}
