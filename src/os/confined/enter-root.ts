import { closeSync, constants, openSync } from "node:fs";
import { isErrno } from "../../base/error.ts";
import { check, cString, libc } from "../libc.ts";
import { mount, mountFlag } from "../mount.ts";
import { attachMount, cloneMount } from "../move-mount.ts";
import type { ConfinedRoot } from "./protocol.ts";

const newMountNamespace = 0x20000;

/** The machine's root, to come back to. */
export const openRoot = (): number => openSync("/", constants.O_RDONLY | constants.O_DIRECTORY);

/**
 * Makes the root this process's `/`, so that the kernel resolves every later path inside it. Extra mounts are put in place in
 * a private mount namespace of this process, their targets resolved inside the root as well.
 */
export function enterRoot({ path, mounts = [] }: ConfinedRoot): void {
  if (mounts.length > 0) {
    check(libc.unshare(newMountNamespace), "unshare");
    mount({ source: "none", target: "/", flags: mountFlag.recursive | mountFlag.private });
  }
  const trees = mounts.map((each) => ({ ...each, tree: cloneMount(each.source) }));
  check(libc.chroot(cString(path)), "chroot", path);
  process.chdir("/");
  for (const { tree, target, readonly } of trees) attach(tree, target, readonly ?? false);
}

/** Goes back from a root without mounts. */
export function leaveRoot(machine: number): void {
  check(libc.fchdir(machine), "fchdir");
  check(libc.chroot(cString(".")), "chroot");
}

function attach(tree: number, target: string, readonly: boolean): void {
  try {
    attachMount(tree, target);
    if (!readonly) return;
    mount({ source: "none", target, flags: mountFlag.bind | mountFlag.remount | mountFlag.readonly });
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR")) throw error;
  } finally {
    closeSync(tree);
  }
}
