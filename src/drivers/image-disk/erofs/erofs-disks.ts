import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { hexOf } from "../../../base/digest.ts";
import { IsleError } from "../../../base/error.ts";
import { newId } from "../../../base/id.ts";
import { KeyedLock } from "../../../base/keyed-lock.ts";
import type { ImageDisks } from "../../../core/image-disk.ts";
import type { ChainId, SnapshotStore } from "../../../core/snapshot.ts";
import { findProgram } from "../../../os/find-program.ts";
import { runOk } from "../../../os/process.ts";
import { diskBytes } from "../../../vm/qemu/arguments.ts";

interface Options {
  readonly directory: string;
  readonly snapshots: SnapshotStore;
}

const unfinished = ".making-";
const emptyName = "empty";

/** Disks as EROFS files: read-only by their format, and read by all virtual machines from one place in memory. */
export function createErofsDisks({ directory, snapshots }: Options): ImageDisks {
  mkdirSync(directory, { recursive: true, mode: 0o711 });
  const lock = new KeyedLock();
  const pathOf = (top: ChainId | undefined): string => join(directory, `${top ? hexOf(top) : emptyName}.erofs`);
  return {
    ensure(layers) {
      const path = pathOf(layers.at(-1));
      if (existsSync(path)) return Promise.resolve(path);
      return lock.run(path, async () => {
        if (!existsSync(path)) await make(snapshots, layers, { directory, path });
        return path;
      });
    },
    remove: (top) => rmSync(pathOf(top), { force: true }),
    usedBytes: () => {
      const sizes = readdirSync(directory).map((name) => statSync(join(directory, name), { throwIfNoEntry: false }));
      return sizes.reduce((sum, stat) => sum + (stat ? stat.blocks * 512 : 0), 0);
    },
    sweep() {
      for (const name of readdirSync(directory)) if (name.startsWith(unfinished)) rmSync(join(directory, name));
    },
  };
}

/** From a root of the layers that nobody writes to, beside its place, then moved there. */
async function make(
  snapshots: SnapshotStore,
  layers: readonly ChainId[],
  { directory, path }: { directory: string; path: string },
): Promise<void> {
  const program = findProgram("mkfs.erofs");
  if (!program)
    throw new IsleError("unavailable", "mkfs.erofs is not installed", { hint: "apt-get install erofs-utils" });
  const rootId = `disk-${newId().slice(0, 24)}`;
  const making = join(directory, `${unfinished}${rootId}`);
  try {
    snapshots.prepare(rootId, layers);
    // Compact inodes have no times of their own.
    await runOk(program, ["-Eforce-inode-extended", making, snapshots.mount(rootId)]);
    if (statSync(making).size > diskBytes) {
      throw new IsleError(
        "unsupported",
        `the image is larger than ${diskBytes / 2 ** 30} GiB, the most a microVM takes`,
      );
    }
    truncateSync(making, diskBytes);
    renameSync(making, path);
  } finally {
    rmSync(making, { force: true });
    await snapshots.removeRoot(rootId);
  }
}
