import { readdirSync, renameSync, rmdirSync, unlinkSync } from "node:fs";
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

/** Deletes everything in a directory. */
export async function emptyDirectory(directory: string): Promise<void> {
  const paths = readdirSync(directory).map((name) => join(directory, name));
  for (const path of paths) await deleteTree(path);
}

/** rm(1) walks by descriptor: a workload can make trees deeper than a path may be long, on which `fs.rm` never ends. */
async function deleteTree(path: string): Promise<void> {
  if (!removeUnusedRoot(path)) await runOk("rm", ["-rf", "--", path]);
}

/** The root of a workload that wrote nothing has a few empty directories, not worth a process. */
function removeUnusedRoot(path: string): boolean {
  try {
    for (const name of ["upper", "merged", "work/work", "work"]) rmdirSync(join(path, name));
    unlinkSync(join(path, "lower"));
    rmdirSync(path);
    return true;
  } catch {
    return false;
  }
}
