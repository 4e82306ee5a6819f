import { dlopen } from "bun:ffi";
import { check, cString } from "./libc.ts";

// Declared apart from libc.ts: syscall(2) takes its arguments in another shape here.
const { symbols: c } = dlopen("libc.so.6", {
  syscall: { args: ["i64", "i64", "ptr", "i64", "ptr", "u64"], returns: "i64" },
});

const openTreeNumber = 428;
const moveMountNumber = 429;
const mountSetattrNumber = 442;
const atFdCwd = -100;
const closeOnExec = 0o2000000;
const cloneTree = 1;
const recursive = 0x8000;
const fromEmptyPath = 0x4;
const toSymlinks = 0x10;
const emptyPath = 0x1000;
const mapIds = 0x100000;
const privateMount = 1 << 18;

/** A private copy of the mount at a path, with or without those below it, not attached anywhere. The caller closes the descriptor. */
export function cloneMount(source: string, depth: "deep" | "alone" = "deep"): number {
  const flags = cloneTree | closeOnExec | (depth === "deep" ? recursive : 0);
  return Number(check(c.syscall(openTreeNumber, atFdCwd, cString(source), flags, null, 0n), "open_tree", source));
}

/** Attaches what `cloneMount` returned; the target is resolved below the present root directory. */
export function attachMount(tree: number, target: string): void {
  const flags = BigInt(fromEmptyPath | toSymlinks);
  check(c.syscall(moveMountNumber, tree, cString(""), atFdCwd, cString(target), flags), "move_mount", target);
}

/** Maps the ids of a mount that is not attached yet by those of a user namespace; nothing mounted later comes into it. */
export function mapMountIds(tree: number, userNamespace: number): void {
  const attributes = new BigUint64Array([BigInt(mapIds), 0n, BigInt(privateMount), BigInt(userNamespace)]);
  const size = BigInt(attributes.byteLength);
  check(c.syscall(mountSetattrNumber, tree, cString(""), emptyPath, attributes, size), "mount_setattr");
}
