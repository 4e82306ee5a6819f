import { dlopen } from "bun:ffi";
import { check, cString } from "./libc.ts";

// Declared apart from libc.ts: syscall(2) takes its arguments in another shape here.
const { symbols: c } = dlopen("libc.so.6", {
  syscall: { args: ["i64", "i64", "ptr", "i64", "ptr", "u64"], returns: "i64" },
});

const openTreeNumber = 428;
const moveMountNumber = 429;
const atFdCwd = -100;
const closeOnExec = 0o2000000;
const cloneTree = 1;
const recursive = 0x8000;
const fromEmptyPath = 0x4;
const toSymlinks = 0x10;

/** A private copy of the mounts at a path, not attached anywhere. The caller closes the descriptor. */
export function cloneMount(source: string): number {
  const flags = cloneTree | closeOnExec | recursive;
  return Number(check(c.syscall(openTreeNumber, atFdCwd, cString(source), flags, null, 0n), "open_tree", source));
}

/** Attaches what `cloneMount` returned; the target is resolved below the present root directory. */
export function attachMount(tree: number, target: string): void {
  const flags = BigInt(fromEmptyPath | toSymlinks);
  check(c.syscall(moveMountNumber, tree, cString(""), atFdCwd, cString(target), flags), "move_mount", target);
}
