import { execProgram } from "./exec-program.ts";
import { check, libc } from "./libc.ts";
import { listMounts, mount, mountFlag, unmount } from "./mount.ts";
import { ownName, selfCommand } from "./self.ts";

const newMountNamespace = 0x20000;
const cgroupRoot = "/sys/fs/cgroup";

/** True on a machine with version 1 controllers and an empty version 2 tree beside them. */
export function isHybridCgroup(): boolean {
  const below = listMounts().filter(({ target }) => target.startsWith(`${cgroupRoot}/`));
  return below.some(({ type }) => type === "cgroup2") && below.some(({ type }) => type === "cgroup");
}

/**
 * crun refuses to run where both cgroup versions are mounted. In a mount namespace of ours we take the version 2 tree
 * away; every other mount goes on to be shared with the machine. The process starts anew in it, under its own pid.
 */
export function reexecWithoutUnifiedCgroup(): never {
  check(libc.unshare(newMountNamespace), "unshare");
  mount({ source: "none", target: cgroupRoot, flags: mountFlag.private });
  for (const { target, type } of listMounts()) if (type === "cgroup2") unmount(target);
  const { program, args } = selfCommand();
  execProgram(program, [ownName, ...args, ...process.argv.slice(2)], process.env);
}
