import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { IsleError, invalid, isErrno, messageOf } from "../../base/error.ts";
import type { TarEntry } from "../../base/tar/entry.ts";
import { cleanName, printable } from "../../base/tar/name.ts";
import type { TarEvent } from "../../base/tar/parser.ts";
import { makeNode, setTimes } from "../node.ts";
import { tryWriteXattr, writeXattr } from "../xattr.ts";
import { cleanError } from "./clean-error.ts";
import { baseName, here, isDirectory, isWhiteoutNode, joinPath, parentOf, removeTree } from "./path.ts";

export interface WriterOptions {
  /** `overlay` turns OCI whiteouts into those of overlayfs; `literal` keeps such names as files. */
  readonly whiteouts: "overlay" | "literal";
  /** Refuse to replace a directory by something else, or something else by a directory. */
  readonly keepKind?: boolean;
  /** Leave directories that are there as they are, as a COPY does. */
  readonly keepDirectories?: boolean;
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Of directories that no entry names. */
  readonly parentOwner?: { readonly uid: number; readonly gid: number };
  readonly parentMode?: number;
  /** Leave the top directory's own owner, mode and times as they are. */
  readonly keepTop?: boolean;
}

/**
 * Writes the entries of an archive below the present directory with plain system calls, in the archive's order. A
 * later entry replaces an earlier one of its name; directories get their times last.
 */
export class TreeWriter {
  sizeBytes = 0;
  inodes = 0;
  readonly #options: WriterOptions;
  /** Directories that are there, as latin1 text, so that parents are not looked up again and again. */
  readonly #known = new Set<string>([""]);
  readonly #directoryTimes = new Map<string, bigint>();
  #file: { fd: number; path: Buffer; entry: TarEntry; end: number } | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  apply(event: TarEvent): void {
    if (event.kind === "entry") this.#begin(event.entry);
    else if (event.kind === "data") this.#write(event.bytes, event.offset);
    else this.#end();
  }

  finish(): void {
    for (const [path, nanos] of [...this.#directoryTimes].reverse()) setTimes(pathOf(path), nanos);
  }

  /** Closes the file at hand; needed only when the work was broken off. */
  close(): void {
    if (this.#file) closeSync(this.#file.fd);
    this.#file = undefined;
  }

  #begin(entry: TarEntry): void {
    try {
      const path = cleanName(entry.name);
      if (this.#options.whiteouts === "overlay" && this.#whiteout(path)) return;
      if (path.length === 0) this.#top(entry);
      else this.#make(path, entry);
    } catch (error) {
      throw entryError(entry, error);
    }
  }

  #write(bytes: Uint8Array, offset: number): void {
    if (!this.#file) return;
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(this.#file.fd, bytes, done, bytes.length - done, offset + done);
    }
    this.#file.end = offset + bytes.length;
  }

  #end(): void {
    if (!this.#file) return;
    const { fd, path, entry, end } = this.#file;
    try {
      if (end < entry.sizeBytes) ftruncateSync(fd, entry.sizeBytes);
      const { uid, gid } = this.#options.owner ?? entry;
      fchownSync(fd, uid, gid);
      fchmodSync(fd, entry.mode);
      writeXattrs(path, entry);
      setTimes(path, entry.modifiedNanos);
    } catch (error) {
      throw entryError(entry, error);
    } finally {
      this.close();
    }
    this.sizeBytes += entry.sizeBytes;
  }

  /** The top directory exists; a layer may give it owner, mode and times. */
  #top(entry: TarEntry): void {
    if (entry.type !== "directory") throw invalid("an entry would replace the root directory");
    if (this.#options.keepTop) return;
    this.#finishNode(here, entry);
    this.#directoryTimes.set("", entry.modifiedNanos);
  }

  /** Handles OCI whiteout names; true when the entry was one. */
  #whiteout(path: Buffer): boolean {
    const name = baseName(path).toString("latin1");
    if (!name.startsWith(".wh.")) return false;
    const parent = parentOf(path);
    this.#makeParents(parent);
    if (name === ".wh..wh..opq") {
      writeXattr(parent.length === 0 ? here : parent, "trusted.overlay.opaque", Buffer.from("y"));
    } else if (!name.startsWith(".wh..wh.")) {
      this.#hide(joinPath(parent, hiddenName(name)));
    }
    return true;
  }

  /** Hides what lower layers have at the path; an entry of this layer stays and hides it by being there. */
  #hide(path: Buffer): void {
    try {
      makeNode(path, "charDevice");
      this.inodes += 1;
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error;
      if (isDirectory(path)) writeXattr(path, "trusted.overlay.opaque", Buffer.from("y"));
    }
  }

  #make(path: Buffer, entry: TarEntry): void {
    this.#makeParents(parentOf(path));
    try {
      this.#create(path, entry);
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error;
      this.#replace(path, entry);
    }
  }

  #create(path: Buffer, entry: TarEntry): void {
    switch (entry.type) {
      case "file":
        this.#file = { fd: openSync(path, createFlags, 0o600), path, entry, end: 0 };
        break;
      case "directory":
        mkdirSync(path, 0o755);
        this.#known.add(path.toString("latin1"));
        break;
      case "hardLink":
        linkSync(linkSource(entry), path);
        return;
      case "symlink":
        symlinkSync(Buffer.from(entry.linkName), path);
        break;
      default:
        makeNode(path, entry.type, { major: entry.deviceMajor, minor: entry.deviceMinor });
    }
    this.inodes += 1;
    if (entry.type !== "file") this.#finishNode(path, entry);
  }

  #replace(path: Buffer, entry: TarEntry): void {
    const existing = lstatSync(path, { bigint: true });
    const wantsDirectory = entry.type === "directory";
    if (this.#options.keepKind && existing.isDirectory() !== wantsDirectory) throw kindError(path, wantsDirectory);
    if (existing.isDirectory() && wantsDirectory) {
      if (!this.#options.keepDirectories) this.#finishNode(path, entry);
      return;
    }
    const hidden = this.#options.whiteouts === "overlay" && isWhiteoutNode(existing);
    removeTree(path);
    if (existing.isDirectory()) this.#forgetBelow(path.toString("latin1"));
    this.#create(path, entry);
    // A directory put where the layer hides one must not let the hidden content shine through.
    if (hidden && wantsDirectory) writeXattr(path, "trusted.overlay.opaque", Buffer.from("y"));
  }

  #forgetBelow(path: string): void {
    for (const known of [...this.#known]) if (known === path || known.startsWith(`${path}/`)) this.#known.delete(known);
    for (const known of [...this.#directoryTimes.keys()]) {
      if (known === path || known.startsWith(`${path}/`)) this.#directoryTimes.delete(known);
    }
  }

  /** Owner first: changing it clears setuid bits and capabilities. */
  #finishNode(path: Buffer, entry: TarEntry): void {
    const { uid, gid } = this.#options.owner ?? entry;
    lchownSync(path, uid, gid);
    if (entry.type !== "symlink") chmodSync(path, entry.mode);
    writeXattrs(path, entry);
    if (entry.type !== "directory") setTimes(path, entry.modifiedNanos);
    else if (path !== here) this.#directoryTimes.set(path.toString("latin1"), entry.modifiedNanos);
  }

  #makeParents(path: Buffer): void {
    const key = path.toString("latin1");
    if (this.#known.has(key)) return;
    this.#makeParents(parentOf(path));
    try {
      mkdirSync(path, 0o755);
      this.inodes += 1;
      const { parentOwner, parentMode } = this.#options;
      if (parentOwner) lchownSync(path, parentOwner.uid, parentOwner.gid);
      if (parentMode !== undefined) chmodSync(path, parentMode);
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error;
    }
    this.#known.add(key);
  }
}

const createFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

const pathOf = (key: string): Buffer => (key === "" ? here : Buffer.from(key, "latin1"));

function hiddenName(name: string): Buffer {
  const hidden = name.slice(".wh.".length);
  if (hidden === "" || hidden === "." || hidden === "..") throw invalid("a whiteout of no name");
  return Buffer.from(hidden, "latin1");
}

function linkSource(entry: TarEntry): Buffer {
  const source = cleanName(entry.linkName);
  if (source.length === 0) throw invalid("a hard link to the root directory");
  return source;
}

/** Attributes that steer overlayfs or a security module of this machine are not for an archive to set. */
const mayCarry = (name: string): boolean =>
  name === "security.capability" || name.startsWith("system.posix_acl_") || /^user\.(?!overlay\.)/.test(name);

function writeXattrs(path: Buffer, { xattrs }: TarEntry): void {
  for (const [name, value] of xattrs) if (mayCarry(name)) tryWriteXattr(path, name, value);
}

const kindError = (path: Buffer, wantsDirectory: boolean) =>
  wantsDirectory
    ? invalid(`cannot overwrite non-directory "${printable(path)}" with directory "${printable(path)}"`)
    : invalid(`cannot overwrite directory "${printable(path)}" with non-directory "${printable(path)}"`);

function entryError(entry: TarEntry, error: unknown): IsleError {
  const { code } = cleanError(error);
  return new IsleError(code, `unpacking "${printable(entry.name)}": ${messageOf(error)}`, { cause: error });
}
