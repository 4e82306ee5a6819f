import { isCode } from "../../base/error.ts";
import { readTar } from "../../base/tar/read-tar.ts";
import type { ArchiveDriver, TreeRoot } from "../../core/archive.ts";

/** A regular file of a tree, links followed within it. */
export interface RootFile {
  readonly sizeBytes: number;
  /** May be called again. */
  read(): AsyncGenerator<Uint8Array, void>;
}

const maxLinks = 40;

/** Undefined when it is not there, or no regular file. */
export async function rootFile(archive: ArchiveDriver, root: TreeRoot, path: string): Promise<RootFile | undefined> {
  let at = path;
  for (let links = 0; links <= maxLinks; links += 1) {
    const found = await archive.stat(root, at).catch((error: unknown) => {
      if (isCode(error, "notFound")) return undefined;
      throw error;
    });
    if (!found) return undefined;
    if (found.linkTarget === "") {
      // Go's bits for everything that is no regular file lie above.
      return found.mode < 2 ** 24
        ? { sizeBytes: found.sizeBytes, read: () => contentOf(archive, root, at) }
        : undefined;
    }
    at = found.linkTarget;
  }
  return undefined;
}

async function* contentOf(archive: ArchiveDriver, root: TreeRoot, path: string): AsyncGenerator<Uint8Array, void> {
  const { tar } = await archive.read(root, path);
  try {
    for await (const { body } of readTar(tar)) {
      yield* body;
      return;
    }
  } finally {
    tar.destroy();
  }
}
