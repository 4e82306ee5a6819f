import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { KeptMachines } from "../../core/runtime.ts";
import { readTextIfPresent } from "../../os/files.ts";
import { readSpare, readyDirectory } from "./spare.ts";

/** Blocks of a file or of all files of a directory, in bytes. */
export function bytesOf(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found?.isDirectory()) return (found?.blocks ?? 0) * 512;
  return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0);
}

/** Templates on disk. */
export function templatesUsage(directory: string): KeptMachines {
  const names = listed(directory).filter((name) => !name.startsWith("."));
  return { count: names.length, diskBytes: names.reduce((sum, name) => sum + bytesOf(join(directory, name)), 0) };
}

/** Machines that wait: their disks, and the memory that is theirs alone. */
export function sparesUsage(pool: string): KeptMachines & { readonly memoryBytes: number } {
  const ready = readyDirectory(pool);
  let [count, diskBytes, memoryBytes] = [0, 0, 0];
  for (const name of listed(ready)) {
    try {
      const { disk, machine } = readSpare(join(ready, name));
      count += 1;
      diskBytes += bytesOf(disk);
      memoryBytes += ownMemoryOf(machine);
    } catch {
      // It was taken meanwhile.
    }
  }
  return { count, diskBytes, memoryBytes };
}

const listed = (directory: string): string[] => (existsSync(directory) ? readdirSync(directory) : []);

function ownMemoryOf(pid: number): number {
  const line = /^RssAnon:\s+(\d+) kB$/m.exec(readTextIfPresent(`/proc/${pid}/status`) ?? "");
  return Number(line?.[1] ?? 0) * 1024;
}
