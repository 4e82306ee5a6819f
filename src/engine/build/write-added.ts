import { Readable } from "node:stream";
import { IsleError, invalid } from "../../base/error.ts";
import { encodeEntry, endOfArchive, padding } from "../../base/tar/encode.ts";
import { type TarEntry, tarEntry } from "../../base/tar/entry.ts";
import type { TreeRoot, WriteOptions } from "../../core/archive.ts";
import { decompressed } from "../image/decompress.ts";
import type { Added, AddedFile, AddedTree, OpenFile } from "./added-files.ts";
import type { BuildDeps } from "./deps.ts";

/** Where a step puts what it adds. */
export interface AddedPlace {
  readonly copy: {
    readonly target: string;
    readonly chown: string | undefined;
    readonly mode: string | undefined;
    readonly excludes: readonly string[];
  };
  /** The target is a directory in which files keep their names. */
  readonly into: boolean;
  readonly root: TreeRoot;
  readonly owner: { readonly uid: number; readonly gid: number };
  /** What directories above the target get that are not there. */
  readonly parents: Pick<WriteOptions, "parentOwner" | "parentMode">;
}

/** Puts a file, the content of an archive or that of a repository into a step's root. */
export async function writeAdded(deps: BuildDeps, added: Added, place: AddedPlace): Promise<void> {
  if (added.kind === "tree") return await writeTree(deps, added, place);
  const file = await added.open();
  try {
    if (added.unpacks) await unpack(deps, file, place);
    else await writeFile(deps, { added, file }, place);
  } finally {
    await file.release();
  }
}

async function writeTree(deps: BuildDeps, added: AddedTree, { copy, root, owner }: AddedPlace): Promise<void> {
  const tree = await added.open();
  try {
    const { sources, excludes } = tree.selection;
    const files = deps.archive.packCopy(tree.root, {
      ...{ sources, excludes: [...excludes, ...copy.excludes], target: copy.target, into: true, parents: false, owner },
      ...(copy.mode !== undefined && { mode: copy.mode }),
    });
    deps.machine.makeDirectoryInRoot(root.path, copy.target, owner);
    await deps.archive.write(root, "/", files, { keepKind: true });
  } finally {
    await tree.release();
  }
}

async function unpack(deps: BuildDeps, file: OpenFile, { copy, root, owner }: AddedPlace): Promise<void> {
  deps.machine.makeDirectoryInRoot(root.path, copy.target);
  if (!deps.machine.isDirectoryInRoot(root.path, copy.target)) {
    throw invalid(`an archive cannot be unpacked to ${copy.target}: it is no directory`);
  }
  const plain = Readable.from(fitting(deps, decompressed(deps, file.read())), { objectMode: false });
  await deps.archive.write(root, copy.target, plain, copy.chown === undefined ? {} : { owner });
}

const reservedBytes = 256 << 20;

/** An archive may unpack to far more than it is: it ends before the disk is full for everybody. */
async function* fitting(deps: BuildDeps, plain: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let left = deps.machine.freeBytes(deps.settings.paths.builds) - reservedBytes;
  for await (const chunk of plain) {
    left -= chunk.length;
    if (left < 0) throw new IsleError("noSpace", "the archive unpacks to more than the disk has room for");
    yield chunk;
  }
}

async function writeFile(
  deps: BuildDeps,
  { added, file }: { added: AddedFile; file: OpenFile },
  { copy, into, root, owner, parents }: AddedPlace,
): Promise<void> {
  const name = (into ? `${copy.target}/${added.name}` : copy.target).replace(/^\/+/, "");
  const mode = copy.mode !== undefined && /^[0-7]+$/.test(copy.mode) ? Number.parseInt(copy.mode, 8) : added.mode;
  const { sizeBytes, modifiedNanos } = file;
  const entry = tarEntry(name, "file", { ...owner, mode, sizeBytes, modifiedNanos });
  const tar = Readable.from(packed(entry, file), { objectMode: false });
  await deps.archive.write(root, "/", tar, { keepKind: true, keepDirectories: true, ...parents });
}

async function* packed(entry: TarEntry, file: OpenFile): AsyncGenerator<Uint8Array, void> {
  yield encodeEntry(entry);
  yield* file.read();
  yield padding(file.sizeBytes);
  yield endOfArchive();
}
