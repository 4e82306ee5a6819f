import { isErrno } from "../base/error.ts";
import { listMounts, type MountInfo, mount, mountFlag } from "./mount.ts";

const favor = "favordynmods";
const relative = 1 << 21;
const kept: ReadonlyArray<readonly [option: string, flag: number]> = [
  ["nosuid", mountFlag.nosuid],
  ["nodev", mountFlag.nodev],
  ["noexec", mountFlag.noexec],
  ["relatime", relative],
];

/**
 * Asks the kernel (Linux 6.0 and later) to make moves between control groups quick instead of forks and exits a little
 * quicker: without it each start and exec waits for every processor to pass a quiet state. It holds for both versions of
 * control groups, and until the machine restarts. Returns whether it holds now.
 */
export function favorCgroupMoves(): boolean {
  const tree = listMounts().find(({ type }) => type === "cgroup2");
  if (!tree) return false;
  if (tree.superOptions.includes(favor)) return true;
  try {
    mount(favoringMount(tree));
    return true;
  } catch (error) {
    if (isErrno(error, "EINVAL", "EPERM", "EACCES", "EBUSY")) return false;
    throw error;
  }
}

/** A change of mount options drops those it does not name. */
export function favoringMount({ target, source, options, superOptions }: MountInfo) {
  const flags = kept.filter(([option]) => options.includes(option)).map(([, flag]) => flag);
  const data = [...superOptions.filter((option) => option !== "rw" && option !== "ro"), favor];
  return { source, target, flags: flags.reduce((sum, flag) => sum | flag, mountFlag.remount), data: data.join(",") };
}
