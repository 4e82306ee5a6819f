import { lstatSync, readdirSync, rmdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";

/**
 * Takes places for mounts, which a guest had to make, out of a root's changes again: files and directories with nothing in them
 * that are among `stubs`. Directories that a layer below has as well stay as they were there, unless the guest changed them. Nobody
 * else changes the tree meanwhile, and no link in it is followed.
 */
export function dropStubs(stubs: string, upper: string, lowers: readonly string[]): void {
  for (const { name } of readdirSync(stubs, { withFileTypes: true })) {
    const [stub, made] = [join(stubs, name), join(upper, name)];
    const below = lowers.map((lower) => join(lower, name)).filter((path) => kindOf(path) === "directory");
    const kind = kindOf(made);
    if (kind === undefined || kind !== kindOf(stub)) continue;
    if (kind === "file") {
      if (lstatSync(made).size === 0) unlinkSync(made);
      continue;
    }
    dropStubs(stub, made, below);
    if (readdirSync(made).length === 0 && (below[0] === undefined || isAlike(made, below[0]))) rmdirSync(made);
  }
}

function kindOf(path: string): "file" | "directory" | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory()) return "directory";
  return stat?.isFile() ? "file" : undefined;
}

function isAlike(path: string, other: string): boolean {
  const [a, b] = [lstatSync(path), lstatSync(other)];
  return a.mode === b.mode && a.uid === b.uid && a.gid === b.gid;
}
