import { createReadStream, type Stats } from "node:fs";
import { lstat, readdir, readlink, stat } from "node:fs/promises";
import { encodeEntry, endOfArchive, padding } from "../../base/tar/encode.ts";
import { type TarEntry, type TarEntryType, tarEntry } from "../../base/tar/entry.ts";

export interface PackOptions {
  /** The name the first entry gets. */
  readonly name: string;
  /** A path that is a symbolic link stands for what it leads to. */
  readonly followLink: boolean;
}

const readBytes = 512 * 1024;

/** A tar archive of a file or directory of this machine. */
export async function* pack(path: string, { name, followLink }: PackOptions): AsyncGenerator<Uint8Array, void> {
  const links = new Map<string, string>();
  yield* packOne({ path, name, info: await (followLink ? stat(path) : lstat(path)), links });
  yield endOfArchive();
}

interface Item {
  readonly path: string;
  readonly name: string;
  readonly info: Stats;
  /** First name of each file that has several, by device and inode. */
  readonly links: Map<string, string>;
}

async function* packOne(item: Item): AsyncGenerator<Uint8Array, void> {
  const { path, name, info, links } = item;
  const entry = await entryOf(item);
  if (entry === undefined) return;
  yield encodeEntry(entry);
  if (entry.type === "file") yield* contentOf(path, info.size);
  if (!info.isDirectory()) return;
  for (const child of (await readdir(path)).sort()) {
    const childPath = `${path}/${child}`;
    yield* packOne({ path: childPath, name: `${name}/${child}`, info: await lstat(childPath), links });
  }
}

/** Exactly `size` bytes, whatever happens to the file meanwhile: the header has promised them. */
async function* contentOf(path: string, size: number): AsyncGenerator<Uint8Array, void> {
  let left = size;
  if (size > 0) {
    for await (const chunk of createReadStream(path, { highWaterMark: readBytes, end: size - 1 })) {
      left -= (chunk as Uint8Array).length;
      yield chunk as Uint8Array;
    }
  }
  if (left > 0) throw new Error(`${path} became shorter while it was copied`);
  if (size % 512 !== 0) yield padding(size);
}

async function entryOf(item: Item): Promise<TarEntry | undefined> {
  const { path, name, info } = item;
  const common = {
    mode: info.mode & 0o7777,
    uid: info.uid,
    gid: info.gid,
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
