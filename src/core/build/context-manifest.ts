import { createHash, type Hash } from "node:crypto";
import { ignoring } from "../../base/dockerignore.ts";
import { notFound } from "../../base/error.ts";
import { globSource, hasGlob } from "../../base/glob.ts";
import type { TarEntry } from "../../base/tar/entry.ts";
import { type TarEvent, TarParser } from "../../base/tar/parser.ts";
import type { CopySelection } from "../archive.ts";

/** What a build context holds, taken down while it arrived, so that nothing has to be read again to know it. */
export interface ContextManifest {
  /** By path without a slash at its beginning or end. */
  readonly files: ReadonlyMap<string, ManifestEntry>;
  /** Contents of small files at the top that the build itself may want. */
  readonly texts: ReadonlyMap<string, Buffer>;
}

export interface ManifestEntry {
  readonly type: TarEntry["type"];
  readonly mode: number;
  readonly link: string;
  /** SHA-256 of a file's content. */
  readonly digest: string;
  readonly sizeBytes: number;
}

/** Larger files are read where they lie. */
export const maxTextBytes = 32 << 20;

/** Reads a context archive to its end. `wanted` says which files' contents are kept. */
export async function readManifest(
  archive: AsyncIterable<Uint8Array>,
  wanted: (path: string) => boolean,
): Promise<ContextManifest> {
  const reader = new ManifestReader(wanted);
  const parser = new TarParser();
  for await (const chunk of archive) {
    for (const event of parser.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))) reader.take(event);
  }
  parser.finish();
  return reader;
}

/** Takes down what the events of an archive tell; nothing is awaited for each of a hundred thousand files. */
class ManifestReader implements ContextManifest {
  readonly files = new Map<string, ManifestEntry>();
  readonly texts = new Map<string, Buffer>();
  readonly #wanted: (path: string) => boolean;
  #path = "";
  #entry: Omit<ManifestEntry, "digest"> | undefined;
  #hash = createHash("sha256");
  #kept: Uint8Array[] | undefined;

  constructor(wanted: (path: string) => boolean) {
    this.#wanted = wanted;
  }

  take(event: TarEvent): void {
    if (event.kind === "entry") this.#begin(event.entry);
    else if (event.kind === "data") {
      this.#hash.update(event.bytes);
      this.#kept?.push(Uint8Array.from(event.bytes));
    } else this.#end();
  }

  #begin({ name, type, mode, linkName, sizeBytes }: TarEntry): void {
    this.#path = cleanPath(Buffer.from(name).toString());
    this.#entry = { type, mode, link: Buffer.from(linkName).toString(), sizeBytes };
    this.#hash = createHash("sha256");
    const keeps = type === "file" && sizeBytes <= maxTextBytes && this.#wanted(this.#path);
    this.#kept = keeps ? [] : undefined;
  }

  #end(): void {
    if (!this.#entry) return;
    if (this.#kept) this.texts.set(this.#path, Buffer.concat(this.#kept));
    this.files.set(this.#path, { ...this.#entry, digest: this.#hash.digest("hex") });
    this.#entry = undefined;
  }
}

/**
 * A digest of what a COPY takes from the context: names, kinds, modes, links and contents. Undefined when a link lies on the
 * way, which only the unpacked files can follow. A source that is not there fails with notFound.
 */
export function digestSelection({ files }: ContextManifest, selection: CopySelection): string | undefined {
  const hash = createHash("sha256");
  const ignores = ignoring(selection.excludes);
  for (const source of selection.sources) {
    const clean = cleanPath(source);
    if (leadsOverLink(files, clean)) return undefined;
    const found = matching(files, clean);
    if (found.length === 0 && clean !== "" && !hasGlob(clean)) throw notFound(`"/${clean}": not found`);
    if (found.some((path) => files.get(path)?.type === "symlink")) return undefined;
    // Where a source is one file, its name may become that of the copy.
    hash.update(JSON.stringify(["source", hasGlob(clean) ? found : clean]));
    for (const path of below(files, found, clean === "")) if (!ignores(path)) addEntry(hash, path, files.get(path)!);
  }
  hash.update(JSON.stringify([selection.owner, selection.mode, selection.parents]));
  return hash.digest("hex");
}

function addEntry(hash: Hash, path: string, { type, mode, link, digest }: ManifestEntry): void {
  hash.update(JSON.stringify([path, type, mode, link, type === "file" ? digest : ""]));
}

/** A file lies below a symbolic link: on the disk it is somewhere else than its name says. */
export const hasFilesBelowLinks = (files: ContextManifest["files"]): boolean =>
  [...files.keys()].some((path) => leadsOverLink(files, path));

function leadsOverLink(files: ContextManifest["files"], path: string): boolean {
  const parts = path.split("/");
  return parts.some((_, index) => index > 0 && files.get(parts.slice(0, index).join("/"))?.type === "symlink");
}

function matching(files: ContextManifest["files"], source: string): string[] {
  if (!hasGlob(source)) return files.has(source) || hasBelow(files, source) ? [source] : [];
  const test = new RegExp(`^${globSource(source, { globstar: true })}$`, "s");
  return [...files.keys()].filter((path) => test.test(path)).sort();
}

/** Archives need not name the directories of their files. */
function hasBelow(files: ContextManifest["files"], path: string): boolean {
  const prefix = `${path}/`;
  for (const each of files.keys()) if (each.startsWith(prefix)) return true;
  return false;
}

function below(files: ContextManifest["files"], found: readonly string[], isRoot: boolean): string[] {
  const all = [...files.keys()].sort();
  if (isRoot) return all.filter((path) => path !== "");
  const prefixes = found.map((path) => `${path}/`);
  const exact = new Set(found);
  return all.filter((path) => exact.has(path) || prefixes.some((prefix) => path.startsWith(prefix)));
}

export function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}
