import { chmodSync, closeSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { isErrno } from "../base/error.ts";
import { check, cString, libc } from "./libc.ts";

const memfd = { closeOnExec: 1, allowSealing: 2, executable: 0x10 };
const addSeals = 1033;
/** No more seals, no shrinking, no growing, no writing. */
const allSeals = 1 | 2 | 4 | 8;

/**
 * Copies a program into memory that nobody can change any more and makes `link` lead to the copy, which lives as long as
 * this process. OCI runtimes protect their file from the containers they start: run from anything that could be written
 * to they make such a copy and execute themselves again, each time. Returns the path to run, which is the program's own
 * where the kernel has no such memory.
 */
export function sealProgram(program: string, link: string): string {
  const file = createMemory(program);
  if (file === undefined) return program;
  try {
    const bytes = readFileSync(program);
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
    chmodSync(`/proc/self/fd/${file}`, 0o755);
    check(libc.fcntl(file, addSeals, allSeals), "fcntl", program);
  } catch (error) {
    closeSync(file);
    throw error;
  }
  mkdirSync(dirname(link), { recursive: true, mode: 0o700 });
  symlinkSync(`/proc/${process.pid}/fd/${file}`, `${link}.new`);
  renameSync(`${link}.new`, link);
  return link;
}

/** Undefined where the kernel cannot, or an administrator said that such memory is never executed. */
function createMemory(name: string): number | undefined {
  const flags = memfd.closeOnExec | memfd.allowSealing;
  // Kernels before 6.3 do not know the last one and allow execution anyway.
  for (const all of [flags | memfd.executable, flags]) {
    try {
      return check(libc.memfd_create(cString(name), all), "memfd_create", name);
    } catch (error) {
      if (isErrno(error, "EACCES", "ENOSYS")) return undefined;
      if (!isErrno(error, "EINVAL")) throw error;
    }
  }
  return undefined;
}
