import { closeSync, mkdirSync, openSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { check, libc } from "./libc.ts";
import { mount, mountFlag, unmount } from "./mount.ts";

const newNetwork = 0x40000000;

/**
 * Runs `work` on a fresh network namespace, which lives on as a file at `path`. The calls are synchronous, so nothing
 * else of this thread runs while it stands in the other namespace.
 */
export function createNetns<T>(path: string, work: () => T): T {
  mkdirSync(dirname(path), { recursive: true, mode: 0o711 });
  const home = openSync("/proc/thread-self/ns/net", "r");
  try {
    check(libc.unshare(newNetwork), "unshare");
    writeFileSync(path, "");
    mount({ source: "/proc/thread-self/ns/net", target: path, flags: mountFlag.bind });
    return work();
  } catch (error) {
    removeNetns(path);
    throw error;
  } finally {
    check(libc.setns(home, newNetwork), "setns");
    closeSync(home);
  }
}

/** True while a namespace is mounted on the file, which is of another file system then than its directory. */
export function isNetns(path: string): boolean {
  const file = statSync(path, { throwIfNoEntry: false });
  return file !== undefined && file.dev !== statSync(dirname(path)).dev;
}

/** Runs `work` in the namespace at `path`. */
export function inNetns<T>(path: string, work: () => T): T {
  const home = openSync("/proc/thread-self/ns/net", "r");
  const there = openSync(path, "r");
  try {
    check(libc.setns(there, newNetwork), "setns", path);
    return work();
  } finally {
    check(libc.setns(home, newNetwork), "setns");
    closeSync(there);
    closeSync(home);
  }
}

/** Lets go of the namespace; the kernel removes it with its interfaces when no process is in it. */
export function removeNetns(path: string): void {
  unmount(path);
  rmSync(path, { force: true });
}
