import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Places } from "./places.ts";

/** Name of the layer below every image, among the short links. */
export const baseLayerName = "base";

const directories = ["dev", "dev/pts", "dev/shm", "etc", "proc", "sys"];
const files = [".dockerenv", "dev/console", "etc/hostname", "etc/hosts", "etc/resolv.conf"];

/**
 * Makes the lowest layer of every root: the directories and files that a runtime mounts over. An image without them
 * shows these, so that starting it writes nothing into the root and `diff` lists only what the workload changed.
 */
export function makeBaseLayer({ links, incoming }: Places): void {
  const target = join(links, baseLayerName);
  if (existsSync(target)) return;
  const making = join(incoming, baseLayerName);
  rmSync(making, { recursive: true, force: true });
  mkdirSync(making, { mode: 0o755 });
  for (const directory of directories) mkdirSync(join(making, directory), { mode: 0o755 });
  for (const file of files) writeFileSync(join(making, file), "", { mode: 0o755 });
  symlinkSync("/proc/mounts", join(making, "etc/mtab"));
  renameSync(making, target);
}
