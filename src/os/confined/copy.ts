import { createHash } from "node:crypto";
import { lstatSync, type Stats, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ignoring } from "../../base/dockerignore.ts";
import { isErrno, notFound } from "../../base/error.ts";
import { fileMode } from "../../base/file-mode.ts";
import { globSource, hasGlob } from "../../base/glob.ts";
import { encodeEntry, endOfArchive } from "../../base/tar/encode.ts";
import { type TarEntry, tarEntry } from "../../base/tar/entry.ts";
import { Packer, type Sink } from "./pack.ts";
import { joinPath, listNames } from "./path.ts";
import type { CopyRequest } from "./protocol.ts";

/** Packs what a COPY takes from the root that was entered, under the names it gets; names are relative to the target's root. */
export function packCopy(copy: CopyRequest, output: Sink): void {
  packSources(copy, output, (entry) => entry);
  output.write(endOfArchive());
}

/** A digest of what a COPY takes: names, kinds, owners, modes, links and contents, but no times. */
export function digestCopy(copy: CopyRequest): string {
  const hash = createHash("sha256");
  packSources(copy, { write: (bytes) => void hash.update(bytes) }, (entry) => ({ ...entry, modifiedNanos: 0n }));
  return `sha256:${hash.digest("hex")}`;
}

function packSources(copy: CopyRequest, output: Sink, last: (entry: TarEntry) => TarEntry): void {
  const edit = (entry: TarEntry): TarEntry => last(withMode(withOwner(entry, copy.owner), copy.mode));
  const packer = new Packer(output, { edit, skips: ignoring(copy.excludes) });
  const target = Buffer.from(copy.target.replace(/^\/+|\/+$/g, ""));
  for (const source of copy.sources) {
    for (const found of matches(source)) packOne({ copy, packer, output, edit }, found, target);
  }
}

interface Packing {
  readonly copy: CopyRequest;
  readonly packer: Packer;
  readonly output: Sink;
  readonly edit: (entry: TarEntry) => TarEntry;
}

function packOne({ copy, packer, output, edit }: Packing, found: Found, target: Buffer): void {
  const path = Buffer.from(found.path === "" ? "." : found.path);
  const stat = statOf(found.path);
  if (copy.parents) {
    packWithParents({ copy, packer, output, edit }, found, target);
    return;
  }
  if (!stat?.isDirectory()) {
    const name = copy.into ? joinPath(target, Buffer.from(basename(found.path))) : target;
    packer.packFollowed(path, name);
    return;
  }
  // The content of a directory goes into the target, which is made like it when it is not there.
  if (target.length > 0 && !copy.into) packer.packAlone(path, target);
  packer.packContent(path, target);
}

/** With --parents the source's own path is kept below the target, from the mark \`/./\` on. */
function packWithParents({ packer, output, edit }: Packing, { path, kept }: Found, target: Buffer): void {
  let parent = target;
  for (const part of dirname(kept) === "." ? [] : dirname(kept).split("/")) {
    parent = joinPath(parent, Buffer.from(part));
    output.write(encodeEntry(edit(tarEntry(joinPath(parent, Buffer.alloc(0)), "directory"))));
  }
  packer.packFollowed(Buffer.from(path), joinPath(parent, Buffer.from(basename(kept))));
}

function withOwner(entry: TarEntry, owner: CopyRequest["owner"]): TarEntry {
  return owner === undefined ? entry : { ...entry, ...owner };
}

function withMode(entry: TarEntry, mode: string | undefined): TarEntry {
  if (mode === undefined || entry.type === "symlink") return entry;
  return { ...entry, mode: fileMode(mode, { mode: entry.mode, isDirectory: entry.type === "directory" }) };
}

interface Found {
  /** Relative to the root, without a slash at its beginning. */
  readonly path: string;
  /** The part that --parents keeps. */
  readonly kept: string;
}

/** Paths that a source means: those that fit a pattern, which may be none, or the one, which must be there. */
function matches(source: string): Found[] {
  const [before, ...after] = source.split("/./");
  const pivot = after.length > 0 ? clean(before!) : "";
  const whole = clean(source);
  const keep = (path: string): string => (pivot === "" ? path : path.slice(pivot.length + 1));
  const isPattern = hasGlob(whole);
  const found = isPattern ? expandGlob("", whole.split("/")) : [unescaped(whole)].filter(isThere);
  if (found.length === 0 && !isPattern) throw notFound(`"/${whole}": not found`);
  return found.map((path) => ({ path, kept: keep(path) }));
}

const unescaped = (text: string): string => text.replace(/\\(.)/g, "$1");

function clean(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/** A link that leads nowhere within the root is not there either. */
const isThere = (path: string): boolean => statOf(path) !== undefined;

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path === "" ? "." : path);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP")) return undefined;
    throw error;
  }
}

function expandGlob(directory: string, parts: readonly string[]): string[] {
  const [part, ...rest] = parts;
  if (part === undefined) return [directory];
  if (part === "**")
    return [...expandGlob(directory, rest), ...subdirectories(directory).flatMap((each) => expandGlob(each, parts))];
  if (!hasGlob(part)) {
    const next = join(directory, part);
    return isThere(next) ? expandGlob(next, rest) : [];
  }
  const test = new RegExp(`^${globSource(part, { globstar: true })}$`, "s");
  const names = namesIn(directory).filter((name) => test.test(name));
  return names.flatMap((name) => expandGlob(join(directory, name), rest));
}

function namesIn(directory: string): string[] {
  try {
    return listNames(Buffer.from(directory === "" ? "." : directory)).map((name) => name.toString());
  } catch (error) {
    if (isErrno(error, "ENOTDIR", "ENOENT")) return [];
    throw error;
  }
}

const subdirectories = (directory: string): string[] =>
  namesIn(directory)
    .map((name) => join(directory, name))
    .filter((path) => lstatSync(path).isDirectory());
