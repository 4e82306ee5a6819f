import { readdirSync, renameSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { isErrno } from "../../../base/error.ts";
import { runOk } from "../../../os/process.ts";

/** Moves a directory out of sight at once; the promise settles when it is deleted. Quiet when it is not there. */
export function discard(trash: string, path: string): Promise<void> {
  const grave = join(trash, crypto.randomUUID());
  try {
    renameSync(path, grave);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return Promise.resolve();
    throw error;
  }
  return deleteTree(grave);
}

/** Deletes everything in a directory, one by one. */
export async function emptyDirectory(directory: string): Promise<void> {
  for (const name of readdirSync(directory)) await deleteTree(join(directory, name));
}

async function deleteTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch {
    // Trees deeper than a path may be long need rm(1), which walks by descriptor.
    await runOk("rm", ["-rf", "--", path]);
  }
}
