import type { Readable } from "node:stream";
import type { Digest } from "../base/digest.ts";

/**
 * Reads and writes file trees as tar archives, for `docker cp`, `export` and volume copy-up.
 *
 * The tree is written by strangers: every path is resolved as if the root were the machine's `/`, so that no `..`,
 * absolute link or link swapped in between reaches outside. Paths are absolute within the root. A missing path fails
 * with notFound (`Could not find the file PATH in container`), a broken or hostile archive with invalid.
 */
export interface ArchiveDriver {
  /** What is at the path; the last component is not followed when it is a symbolic link. */
  stat(root: TreeRoot, path: string): Promise<PathStat>;
  /**
   * Packs the path. Entry names begin with the path's last component; `path/.` packs the content of a directory
   * without naming it. The stream fails when the tree cannot be read; destroying it stops the work.
   */
  read(root: TreeRoot, path: string): Promise<PackedPath>;
  /** Unpacks a tar (plain, gzip, zstd) into an existing directory. */
  write(root: TreeRoot, path: string, tar: Readable, options?: WriteOptions): Promise<void>;
  /** Packs the whole root, `export` of a container. */
  exportRoot(root: TreeRoot, options?: ExportOptions): Readable;
  /**
   * Copies the content, owner, mode, times and extended attributes of a directory of the root into `target`, a directory outside
   * of it. Does nothing when the path is missing, is no directory, or when `target` is not empty.
   */
  copyUp(root: TreeRoot, path: string, target: string): Promise<void>;
  /** Packs a directory of the machine led by the directory itself, for `unpackTree`. */
  packTree(path: string): Readable;
  /** Unpacks what `packTree` wrote, the top directory's owner and mode included. */
  unpackTree(path: string, tar: Readable): Promise<void>;
  /** Packs what a COPY takes, named as its target wants it. A source that is not there fails with notFound. */
  packCopy(root: TreeRoot, copy: CopySelection): Readable;
  /** A digest of what a COPY takes, without times: two that are equal make equal files. */
  digestCopy(root: TreeRoot, copy: CopySelection): Promise<Digest>;
  /** A file's content; undefined when it is missing or no regular file, invalid when larger than `maxBytes`. */
  readFile(root: TreeRoot, path: string, maxBytes: number): Promise<Uint8Array | undefined>;
}

export interface TreeRoot {
  /** Directory: a mounted root, or `/proc/PID/root` of a running one. */
  readonly path: string;
  /** Mounted over the root while the call runs, seen by nobody else; in order. */
  readonly mounts?: readonly TreeMount[];
}

export interface ExportOptions {
  /** A directory that goes before all names. */
  readonly prefix?: string | undefined;
  /** The archive's end is left out, for more to follow. */
  readonly continues?: boolean;
  /** The time of everything, in nanoseconds since 1970. */
  readonly modifiedNanos?: bigint | undefined;
}

export interface TreeMount {
  /** File or directory of the machine. */
  readonly source: string;
  /** Path within the root; a missing one is skipped. */
  readonly target: string;
  readonly readonly?: boolean;
}

export interface PathStat {
  readonly name: string;
  readonly sizeBytes: number;
  /** Go's os.FileMode: permission bits, and type and setuid bits at the top of 32 bits. */
  readonly mode: number;
  /** RFC 3339 with nanoseconds. */
  readonly modifiedAt: string;
  /** Where a symbolic link points, as a path within the root; else empty. */
  readonly linkTarget: string;
}

/** The files of a COPY. Paths are absolute in their root, whether they begin with a slash or not. */
export interface CopySelection {
  /** Paths or patterns with `*`, `?`, `[a-z]` and `**`; the content of a directory is taken, not the directory. */
  readonly sources: readonly string[];
  /** Patterns of a .dockerignore; they are relative to the root. */
  readonly excludes: readonly string[];
  /** Path in the root they will be written to. */
  readonly target: string;
  /** The target is a directory in which files keep their names. */
  readonly into: boolean;
  /** Keep the directories of the sources' paths. */
  readonly parents: boolean;
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Octal, or of the form `u+x,go-w`. */
  readonly mode?: string;
}

export interface PackedPath {
  readonly stat: PathStat;
  readonly tar: Readable;
}

export interface WriteOptions {
  /** Refuse to replace a directory by something else, or something else by a directory. */
  readonly keepKind?: boolean;
  /** Leave directories that are there already as they are. */
  readonly keepDirectories?: boolean;
  /** Give entries to this user and group instead of the archive's. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Give directories that no entry names, made on the way to one, to this user and group. */
  readonly parentOwner?: { readonly uid: number; readonly gid: number };
  /** The mode of those directories instead of 0755. */
  readonly parentMode?: number;
}
