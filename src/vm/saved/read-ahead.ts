import { statSync } from "node:fs";
import { open } from "node:fs/promises";
import { descriptors } from "../qemu/arguments.ts";
import { readState } from "../state.ts";

const chunkBytes = 4 << 20;
/** Files by device and inode. */
const known = new Set<string>();

/**
 * Reads the file that a machine's memory is mapped from, once. QEMU looks at all of it when it saves a machine, and of what
 * nobody has read before it would wait for each page alone, its guest standing still.
 */
export async function readAhead(root: string, id: string): Promise<void> {
  const { machine, memoryMiB } = readState(root, id);
  const path = `/proc/${machine}/fd/${descriptors.memory}`;
  const found = statSync(path, { throwIfNoEntry: false });
  // A machine that booted has its memory for itself, and something else by that number.
  if (!found?.isFile() || found.size !== memoryMiB * 2 ** 20 || known.has(`${found.dev}:${found.ino}`)) return;
  known.add(`${found.dev}:${found.ino}`);
  const file = await open(path);
  try {
    const chunk = new Uint8Array(chunkBytes);
    while ((await file.read(chunk, 0, chunkBytes)).bytesRead > 0);
  } finally {
    await file.close();
  }
}
