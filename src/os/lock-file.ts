import { closeSync, openSync } from "node:fs";
import { IsleError, isErrno } from "../base/error.ts";
import { check, libc } from "./libc.ts";

const exclusiveNow = 2 | 4;
const patienceMs = 2000;
const pauseMs = 20;

/**
 * Takes a lock that ends with this process, however it ends. Fails with conflict when another holds it. A killed
 * process's child that had not got as far as to execute its program still holds the lock for a moment: that is waited for.
 */
export function takeLock(path: string): () => void {
  const file = openSync(path, "a", 0o600);
  const deadline = performance.now() + patienceMs;
  while (!isLocked(file, path)) {
    if (performance.now() < deadline) Bun.sleepSync(pauseMs);
    else {
      closeSync(file);
      throw new IsleError("conflict", `another daemon uses this data root (${path} is locked)`);
    }
  }
  return () => closeSync(file);
}

function isLocked(file: number, path: string): boolean {
  try {
    check(libc.flock(file, exclusiveNow), "flock", path);
    return true;
  } catch (error) {
    if (isErrno(error, "EAGAIN", "EWOULDBLOCK")) return false;
    closeSync(file);
    throw error;
  }
}
