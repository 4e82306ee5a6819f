import { readFileSync, readlinkSync } from "node:fs";
import { libc } from "./libc.ts";

const dontNeed = 4;

/**
 * Gives back memory that is not in use: garbage, and pages of the executable that only its start needed. The pages
 * are clean copies of the file and come back from the page cache when they are touched again.
 */
export function releaseMemory(): void {
  Bun.gc(false);
  const executable = readlinkSync("/proc/self/exe");
  for (const { start, end } of cleanMappings(readFileSync("/proc/self/maps", "utf8"), executable)) {
    libc.madvise(start, end - start, dontNeed);
  }
}

/** Mappings of the file that cannot have been written to. */
export function cleanMappings(maps: string, file: string): Array<{ start: bigint; end: bigint }> {
  return maps.split("\n").flatMap((line) => {
    const match = /^([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ \d+\s+(.*)$/.exec(line);
    if (!match || match[3] !== file) return [];
    return [{ start: BigInt(`0x${match[1]}`), end: BigInt(`0x${match[2]}`) }];
  });
}
