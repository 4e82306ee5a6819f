import { readFileSync, statSync } from "node:fs";

const mostBytes = 1 << 20;

/** Content and mode of a regular file that is small enough to be brought along; undefined for anything else. */
export function smallFile(path: string): { content: Uint8Array; mode: number } | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile() || stat.size > mostBytes) return undefined;
  return { content: readFileSync(path), mode: stat.mode & 0o7777 };
}
