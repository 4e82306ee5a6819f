import { type BigIntStats, closeSync, constants, lstatSync, openSync, readlinkSync, readSync, statSync } from "node:fs";
import { basename } from "node:path";
import { isErrno } from "../../base/error.ts";
import { encodeEntry, endOfArchive, padding } from "../../base/tar/encode.ts";
import { type TarEntry, type TarEntryType, tarEntry } from "../../base/tar/entry.ts";
import { splitDevice } from "../node.ts";
import { listXattrs, readXattr } from "../xattr.ts";
import { baseName, here, isWhiteoutNode, joinPath, listNames, parentOf } from "./path.ts";
import type { ExportRequest } from "./protocol.ts";

/** Where packed bytes go. */
export interface Sink {
  write(bytes: Buffer): void;
}

/** Packs a path of the root that was entered; a directory with all below it. Names begin with its last component. */
export function packPath(path: string, output: Sink): void {
  const name = Buffer.from(path.endsWith("/.") ? "." : basename(path) || "/");
  const packer = new Packer(output);
  packer.pack(Buffer.from(path), name);
  output.write(endOfArchive());
}

/** Packs the whole root that was entered, names relative to it. */
export function packRoot(output: Sink, { prefix, continues, modifiedNanos }: ExportRequest): void {
  const time = modifiedNanos === undefined ? undefined : BigInt(modifiedNanos);
  const options = time === undefined ? {} : { edit: (entry: TarEntry) => ({ ...entry, modifiedNanos: time }) };
  new Packer(output, options).packContent(here, Buffer.from(prefix));
  if (!continues) output.write(endOfArchive());
}

/**
 * Packs an overlay's upper directory as an OCI layer: whiteout nodes and opaque marks become whiteout entries. Times after
 * `latest`, in nanoseconds, become that.
 */
export function packUpper(output: Sink, latest?: bigint): void {
  new Packer(output, { whiteouts: true, ...(latest !== undefined && { edit: notAfter(latest) }) }).packContent(
    here,
    Buffer.alloc(0),
  );
  output.write(endOfArchive());
}

const notAfter =
  (latest: bigint) =>
  (entry: TarEntry): TarEntry =>
    entry.modifiedNanos > latest ? { ...entry, modifiedNanos: latest } : entry;

export interface PackerOptions {
  readonly whiteouts?: boolean;
  /** Changes what is said of an entry before it is written. */
  readonly edit?: (entry: TarEntry) => TarEntry;
  /** Paths, relative to the root, that are left out; what lies below one may be taken all the same. */
  readonly skips?: (path: string) => boolean;
}

export class Packer {
  readonly #output: Sink;
  readonly #whiteouts: boolean;
  readonly #edit: (entry: TarEntry) => TarEntry;
  readonly #skips: (path: string) => boolean;
  /** First name under which a file with several links was packed, by device and inode. */
  readonly #links = new Map<string, Buffer>();
  readonly #chunk = Buffer.allocUnsafe(1 << 20);

  constructor(output: Sink, { whiteouts = false, edit = (entry) => entry, skips = () => false }: PackerOptions = {}) {
    this.#output = output;
    this.#whiteouts = whiteouts;
    this.#edit = edit;
    this.#skips = skips;
  }

  packContent(directory: Buffer, name: Buffer): void {
    for (const child of listNames(directory)) this.pack(joinPath(directory, child), joinPath(name, child));
  }

  pack(path: Buffer, name: Buffer): void {
    const stat = lstatIfPresent(path);
    if (!stat || stat.isSocket()) return;
    if (this.#skips(path.toString().replace(/^\.\//, ""))) {
      if (stat.isDirectory()) this.packContent(path, name);
      return;
    }
    if (this.#whiteouts && isWhiteoutNode(stat)) this.#mark(joinPath(parentOf(name), whiteoutOf(name)), stat);
    else if (stat.isFile()) this.#packFile(path, name, stat);
    else this.#packOther(path, name, stat);
  }

  /** A path whose last component is followed when it is a symbolic link that leads somewhere. */
  packFollowed(path: Buffer, name: Buffer): void {
    const leadsSomewhere = statSync(path, { throwIfNoEntry: false }) !== undefined;
    this.pack(leadsSomewhere ? followed(path) : path, name);
  }

  /** A directory without what is in it. */
  packAlone(path: Buffer, name: Buffer): void {
    const stat = statSync(path, { bigint: true });
    this.#header(describe({ path, name: joinPath(name, Buffer.alloc(0)), stat }));
  }

  #packOther(path: Buffer, name: Buffer, stat: BigIntStats): void {
    const isDirectory = stat.isDirectory();
    const shown = isDirectory ? joinPath(name, Buffer.alloc(0)) : name;
    this.#header(describe({ path, name: shown, stat }));
    if (!isDirectory) return;
    if (this.#whiteouts && readXattr(path, "trusted.overlay.opaque")?.toString() === "y") {
      this.#mark(joinPath(name, Buffer.from(".wh..wh..opq")), stat);
    }
    this.packContent(path, name);
  }

  #mark(name: Buffer, stat: BigIntStats): void {
    const modifiedNanos = stat.mtimeNs - (stat.mtimeNs % 1_000_000_000n);
    this.#header(tarEntry(name, "file", { mode: 0o600, modifiedNanos }));
  }

  #packFile(path: Buffer, name: Buffer, stat: BigIntStats): void {
    const linked = this.#linkTo(name, stat);
    if (linked) {
      const entry = describe({ path, name, stat });
      this.#header({ ...entry, type: "hardLink", linkName: linked, sizeBytes: 0, xattrs: new Map() });
      return;
    }
    const file = openIfPresent(path);
    if (file === undefined) return;
    try {
      this.#header(describe({ path, name, stat }));
      this.#copy(file, Number(stat.size));
    } finally {
      closeSync(file);
    }
  }

  #header(entry: TarEntry): void {
    this.#output.write(encodeEntry(this.#edit(entry)));
  }

  #linkTo(name: Buffer, stat: BigIntStats): Buffer | undefined {
    if (stat.nlink < 2n) return undefined;
    const key = `${stat.dev}:${stat.ino}`;
    const first = this.#links.get(key);
    if (!first) this.#links.set(key, name);
    return first;
  }

  /** Exactly as many bytes as the header promised: a file that shrinks meanwhile is filled with zeros. */
  #copy(file: number, sizeBytes: number): void {
    for (let left = sizeBytes; left > 0; ) {
      const wanted = Math.min(left, this.#chunk.length);
      const read = readSync(file, this.#chunk, 0, wanted, null);
      if (read === 0) this.#chunk.fill(0);
      const length = read === 0 ? wanted : read;
      this.#output.write(this.#chunk.subarray(0, length));
      left -= length;
    }
    this.#output.write(padding(sizeBytes));
  }
}

/** Where a link of the root that was entered leads; the kernel has followed it already, so that this ends. */
function followed(path: Buffer): Buffer {
  if (!lstatIfPresent(path)?.isSymbolicLink()) return path;
  const target = readlinkSync(path, { encoding: "buffer" }) as Buffer;
  return followed(target[0] === slash ? target : joinPath(parentOf(path), target));
}

const slash = 0x2f;

const whiteoutOf = (name: Buffer): Buffer => Buffer.concat([Buffer.from(".wh."), baseName(name)]);

const typeTests: ReadonlyArray<readonly [(stat: BigIntStats) => boolean, TarEntryType]> = [
  [(stat) => stat.isDirectory(), "directory"],
  [(stat) => stat.isSymbolicLink(), "symlink"],
  [(stat) => stat.isCharacterDevice(), "charDevice"],
  [(stat) => stat.isBlockDevice(), "blockDevice"],
  [(stat) => stat.isFIFO(), "fifo"],
];

function describe({ path, name, stat }: { path: Buffer; name: Buffer; stat: BigIntStats }): TarEntry {
  const type = typeTests.find(([fits]) => fits(stat))?.[1] ?? "file";
  const device = type.endsWith("Device") ? splitDevice(stat.rdev) : { major: 0, minor: 0 };
  return {
    name,
    type,
    linkName: type === "symlink" ? (readlinkSync(path, { encoding: "buffer" }) as Buffer) : Buffer.alloc(0),
    mode: Number(stat.mode) & 0o7777,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    sizeBytes: type === "file" ? Number(stat.size) : 0,
    modifiedNanos: stat.mtimeNs,
    deviceMajor: device.major,
    deviceMinor: device.minor,
    xattrs: type === "symlink" ? new Map() : carriedXattrs(path),
  };
}

function carriedXattrs(path: Buffer): Map<string, Buffer> {
  const names = listXattrs(path).filter((name) => name === "security.capability" || /^user\.(?!overlay\.)/.test(name));
  return new Map(names.map((name) => [name, readXattr(path, name) ?? Buffer.alloc(0)]));
}

/** A live tree changes while it is read: what is gone since its directory was listed is left out. */
function lstatIfPresent(path: Buffer): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false }) as BigIntStats | undefined;
}

function openIfPresent(path: Buffer): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ELOOP", "ENXIO")) return undefined;
    throw error;
  }
}
