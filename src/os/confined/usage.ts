import { type BigIntStats, lstatSync } from "node:fs";
import { here, joinPath, listNames } from "./path.ts";

/** Bytes of the files below the root that was entered, files with several links counted once; and all inodes. */
export function treeUsage(): { sizeBytes: number; inodes: number } {
  const usage = { sizeBytes: 0, inodes: 0 };
  const seen = new Set<bigint>();
  const count = (path: Buffer): void => {
    const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false }) as BigIntStats | undefined;
    if (!stat || isCounted(stat, seen)) return;
    usage.inodes += 1;
    if (stat.isFile()) usage.sizeBytes += Number(stat.size);
    if (stat.isDirectory()) for (const name of listNames(path)) count(joinPath(path, name));
  };
  for (const name of listNames(here)) count(name);
  return usage;
}

function isCounted(stat: BigIntStats, seen: Set<bigint>): boolean {
  if (stat.nlink < 2n || stat.isDirectory()) return false;
  if (seen.has(stat.ino)) return true;
  seen.add(stat.ino);
  return false;
}
