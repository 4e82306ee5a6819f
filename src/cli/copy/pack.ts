import { closeSync, createReadStream, lstatSync, openSync, readdirSync, readSync, type Stats } from "node:fs";
import { lstat, readlink, stat } from "node:fs/promises";
import { encodeEntry, endOfArchive, padding } from "../../base/tar/encode.ts";
import { type TarEntry, type TarEntryType, tarEntry } from "../../base/tar/entry.ts";

export interface PackOptions {
  /** The name the first entry gets. */
  readonly name: string;
  /** A path that is a symbolic link stands for what it leads to. */
  readonly followLink: boolean;
  /** Paths, as named in the archive, that are left out; `below` says that something below one may be wanted. */
  readonly skips?: (name: string) => "no" | "below" | "all";
  /** Everything belongs to root, as in a build context. */
  readonly asRoot?: boolean;
  /** Files of the receiver's own that need not go; asked before the content is read. */
  readonly isKnown?: (name: string, info: Stats) => boolean;
}

const readBytes = 512 * 1024;

/** A tar archive of a file or directory of this machine. */
export async function* pack(path: string, options: PackOptions): AsyncGenerator<Uint8Array, void> {
  yield* packTree(path, options);
  yield endOfArchive();
}

/** The same without the archive's end, for more to follow. */
export async function* packTree(
  path: string,
  { name, followLink, ...rest }: PackOptions,
): AsyncGenerator<Uint8Array, void> {
  const info = await (followLink ? stat(path) : lstat(path));
  yield* packOne({
    path,
    name,
    info,
    links: new Map(),
    skips: rest.skips ?? (() => "no"),
    asRoot: rest.asRoot ?? false,
    isKnown: rest.isKnown ?? (() => false),
  });
}

interface Item {
  readonly path: string;
  readonly name: string;
  readonly info: Stats;
  /** First name of each file that has several, by device and inode. */
  readonly links: Map<string, string>;
  readonly skips: NonNullable<PackOptions["skips"]>;
  readonly asRoot: boolean;
  readonly isKnown: NonNullable<PackOptions["isKnown"]>;
}

async function* packOne(item: Item): AsyncGenerator<Uint8Array, void> {
  const { path, name, info } = item;
  const skipped = item.skips(name);
  if (skipped === "all" || (skipped === "below" && !info.isDirectory())) return;
  const entry = skipped === "no" ? await entryOf(item) : undefined;
  if (entry === undefined && skipped === "no") return;
  if (entry && !item.isKnown(name, info)) {
    yield encodeEntry(entry);
    if (entry.type === "file") yield* contentOf(path, info.size);
  }
  if (!info.isDirectory()) return;
  // The calls are quick and many: each on a thread of its own would take several times as long.
  for (const child of readdirSync(path).sort()) {
    const childPath = `${path}/${child}`;
    yield* packOne({ ...item, path: childPath, name: `${name}/${child}`, info: lstatSync(childPath) });
  }
}

/** Exactly `size` bytes, whatever happens to the file meanwhile: the header has promised them. */
async function* contentOf(path: string, size: number): AsyncGenerator<Uint8Array, void> {
  let left = size;
  if (size > 0 && size <= readBytes) {
    const content = readWhole(path, size);
    left -= content.length;
    yield content;
  } else if (size > 0) {
    for await (const chunk of createReadStream(path, { highWaterMark: readBytes, end: size - 1 })) {
      left -= (chunk as Uint8Array).length;
      yield chunk as Uint8Array;
    }
  }
  if (left > 0) throw new Error(`${path} became shorter while it was copied`);
  if (size % 512 !== 0) yield padding(size);
}

/** At most so much of a small file. */
function readWhole(path: string, size: number): Uint8Array {
  const content = Buffer.allocUnsafe(size);
  const file = openSync(path, "r");
  try {
    let length = 0;
    for (let read = -1; read !== 0 && length < size; length += read) {
      read = readSync(file, content, length, size - length, null);
    }
    return content.subarray(0, length);
  } finally {
    closeSync(file);
  }
}

async function entryOf(item: Item): Promise<TarEntry | undefined> {
  const { path, name, info, asRoot } = item;
  const common = {
    mode: info.mode & 0o7777,
    uid: asRoot ? 0 : info.uid,
    gid: asRoot ? 0 : info.gid,
    modifiedNanos: BigInt(Math.round(info.mtimeMs)) * 1_000_000n,
  };
  if (info.isDirectory()) return tarEntry(`${name}/`, "directory", common);
  if (info.isSymbolicLink())
    return tarEntry(name, "symlink", { ...common, linkName: Buffer.from(await readlink(path)) });
  const first = firstLink(item);
  if (first !== undefined) return tarEntry(name, "hardLink", { ...common, linkName: Buffer.from(first) });
  if (info.isFile()) return tarEntry(name, "file", { ...common, sizeBytes: info.size });
  const type = specialType(info);
  return type && tarEntry(name, type, { ...common, deviceMajor: info.rdev >> 8, deviceMinor: info.rdev & 0xff });
}

function firstLink({ name, info, links }: Item): string | undefined {
  if (info.nlink < 2 || !info.isFile()) return undefined;
  const key = `${info.dev}:${info.ino}`;
  const first = links.get(key);
  if (first === undefined) links.set(key, name);
  return first;
}

/** Sockets cannot be archived. */
function specialType(info: Stats): TarEntryType | undefined {
  if (info.isFIFO()) return "fifo";
  if (info.isCharacterDevice()) return "charDevice";
  return info.isBlockDevice() ? "blockDevice" : undefined;
}
