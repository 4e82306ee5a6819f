import { closeSync, openSync } from "node:fs";
import { IsleError, isErrno } from "../base/error.ts";
import { check, libc } from "./libc.ts";

const exclusiveNow = 2 | 4;

/** Takes a lock that ends with this process, however it ends. Fails with conflict when another holds it. */
export function takeLock(path: string): () => void {
  const file = openSync(path, "a", 0o600);
  try {
    check(libc.flock(file, exclusiveNow), "flock", path);
  } catch (error) {
    closeSync(file);
    if (!isErrno(error, "EAGAIN", "EWOULDBLOCK")) throw error;
    throw new IsleError("conflict", `another daemon uses this data root (${path} is locked)`);
  }
  return () => closeSync(file);
}
