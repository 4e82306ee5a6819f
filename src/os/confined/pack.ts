import { type BigIntStats, closeSync, constants, lstatSync, openSync, readlinkSync, readSync } from "node:fs";
import { basename } from "node:path";
import { isErrno } from "../../base/error.ts";
import { encodeEntry, endOfArchive, padding } from "../../base/tar/encode.ts";
import { type TarEntry, type TarEntryType, tarEntry } from "../../base/tar/entry.ts";
import { splitDevice } from "../node.ts";
import { listXattrs, readXattr } from "../xattr.ts";
import type { OutputStream } from "./output.ts";
import { baseName, here, isWhiteoutNode, joinPath, listNames, parentOf } from "./path.ts";

/** Packs a path of the root that was entered; a directory with all below it. Names begin with its last component. */
export function packPath(path: string, output: OutputStream): void {
  const name = Buffer.from(path.endsWith("/.") ? "." : basename(path) || "/");
  const packer = new Packer(output, false);
  packer.pack(Buffer.from(path), name);
  output.write(endOfArchive());
}

/** Packs the whole root that was entered, names relative to it. */
export function packRoot(output: OutputStream): void {
  new Packer(output, false).packContent(here, Buffer.alloc(0));
  output.write(endOfArchive());
}

/** Packs an overlay's upper directory as an OCI layer: whiteout nodes and opaque marks become whiteout entries. */
export function packUpper(output: OutputStream): void {
  new Packer(output, true).packContent(here, Buffer.alloc(0));
  output.write(endOfArchive());
}

class Packer {
  readonly #output: OutputStream;
  readonly #whiteouts: boolean;
  /** First name under which a file with several links was packed, by device and inode. */
  readonly #links = new Map<string, Buffer>();
  readonly #chunk = Buffer.allocUnsafe(1 << 20);

  constructor(output: OutputStream, whiteouts: boolean) {
    this.#output = output;
    this.#whiteouts = whiteouts;
  }

  packContent(directory: Buffer, name: Buffer): void {
    for (const child of listNames(directory)) this.pack(joinPath(directory, child), joinPath(name, child));
  }

  pack(path: Buffer, name: Buffer): void {
    const stat = lstatIfPresent(path);
    if (!stat || stat.isSocket()) return;
    if (this.#whiteouts && isWhiteoutNode(stat)) this.#mark(joinPath(parentOf(name), whiteoutOf(name)), stat);
    else if (stat.isFile()) this.#packFile(path, name, stat);
    else this.#packOther(path, name, stat);
  }

  #packOther(path: Buffer, name: Buffer, stat: BigIntStats): void {
    const isDirectory = stat.isDirectory();
    const shown = isDirectory ? joinPath(name, Buffer.alloc(0)) : name;
    this.#output.write(encodeEntry(describe({ path, name: shown, stat })));
    if (!isDirectory) return;
    if (this.#whiteouts && readXattr(path, "trusted.overlay.opaque")?.toString() === "y") {
      this.#mark(joinPath(name, Buffer.from(".wh..wh..opq")), stat);
    }
    this.packContent(path, name);
  }

  #mark(name: Buffer, stat: BigIntStats): void {
    const modifiedNanos = stat.mtimeNs - (stat.mtimeNs % 1_000_000_000n);
    this.#output.write(encodeEntry(tarEntry(name, "file", { mode: 0o600, modifiedNanos })));
  }

  #packFile(path: Buffer, name: Buffer, stat: BigIntStats): void {
    const linked = this.#linkTo(name, stat);
    if (linked) {
      const entry = describe({ path, name, stat });
      this.#output.write(
        encodeEntry({ ...entry, type: "hardLink", linkName: linked, sizeBytes: 0, xattrs: new Map() }),
      );
      return;
    }
    const file = openIfPresent(path);
    if (file === undefined) return;
    try {
      this.#output.write(encodeEntry(describe({ path, name, stat })));
      this.#copy(file, Number(stat.size));
    } finally {
      closeSync(file);
    }
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
