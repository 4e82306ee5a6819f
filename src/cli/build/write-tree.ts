import {
  chmodSync,
  closeSync,
  fchmodSync,
  futimesSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from "node:fs";
import type { TarEntry } from "../../base/tar/entry.ts";
import { cleanName, printable } from "../../base/tar/name.ts";
import { readTar, type TarItem } from "../../base/tar/read-tar.ts";
import { usageError } from "../exit.ts";

/**
 * Writes the files of a build, which is not trusted, into a directory. What is there already and has no namesake stays. No
 * symbolic link is followed, whether it was there before or came with the files: where one stands in the way of a directory it
 * is replaced. The files belong to the caller. Returns the names of what was left out: devices and pipes.
 */
export async function writeTree(archive: AsyncIterable<Uint8Array>, directory: string): Promise<string[]> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const tree = new Tree(realpathSync(directory));
  for await (const item of readTar(archive)) await tree.add(item);
  tree.finish();
  return tree.leftOut;
}

/** Names need not be UTF-8: within, they are latin1, in which each byte is one character. */
class Tree {
  readonly leftOut: string[] = [];
  readonly #top: Buffer;
  /** Directories that are known to be no links, by their names below the top. */
  readonly #known = new Set<string>([""]);
  /** Files of this archive, which hard links may lead to. */
  readonly #files = new Set<string>();
  /** They get their times when all is in them. */
  readonly #directories = new Map<string, TarEntry>();

  constructor(top: string) {
    this.#top = Buffer.from(`${top}/`);
  }

  async add({ entry, body }: TarItem): Promise<void> {
    const name = cleanName(entry.name).toString("latin1");
    if (name === "") return;
    const path = this.#pathOf(name);
    if (entry.type === "directory") {
      this.#makeDirectory(name);
      this.#directories.set(name, entry);
      return;
    }
    if (!["file", "symlink", "hardLink"].includes(entry.type)) {
      this.leftOut.push(printable(entry.name));
      return;
    }
    this.#makeDirectory(parentOf(name));
    const target = entry.type === "hardLink" ? this.#linked(entry) : undefined;
    if (target === name) return;
    this.#remove(name);
    if (target !== undefined) linkSync(this.#pathOf(target), path);
    else if (entry.type === "symlink") makeLink(path, entry);
    else await writeFile(path, entry, body);
    if (entry.type !== "symlink") this.#files.add(name);
  }

  #pathOf = (name: string): Buffer => Buffer.concat([this.#top, Buffer.from(name, "latin1")]);

  finish(): void {
    for (const [name, entry] of [...this.#directories].reverse()) {
      const path = this.#pathOf(name);
      chmodSync(path, entry.mode);
      utimesSync(path, secondsOf(entry), secondsOf(entry));
    }
  }

  #makeDirectory(name: string): void {
    if (this.#known.has(name)) return;
    this.#makeDirectory(parentOf(name));
    const path = this.#pathOf(name);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (!found?.isDirectory()) {
      if (found) this.#remove(name);
      mkdirSync(path, 0o755);
    }
    this.#known.add(name);
  }

  /** Removes what has the name, with all that was noted of it. */
  #remove(name: string): void {
    rmSync(this.#pathOf(name), { recursive: true, force: true });
    if (this.#files.delete(name) || !this.#known.has(name)) return;
    for (const names of [this.#known, this.#files, this.#directories]) {
      for (const each of [...names.keys()]) if (each === name || each.startsWith(`${name}/`)) names.delete(each);
    }
  }

  #linked(entry: TarEntry): string {
    const name = cleanName(entry.linkName).toString("latin1");
    if (this.#files.has(name)) return name;
    throw usageError(
      `refused to link ${printable(entry.name)} to ${printable(entry.linkName)}, which is no file of the output`,
    );
  }
}

const parentOf = (name: string): string => name.slice(0, Math.max(0, name.lastIndexOf("/")));

const secondsOf = ({ modifiedNanos }: TarEntry): number => Number(modifiedNanos / 1000n) / 1e6;

function makeLink(path: Buffer, entry: TarEntry): void {
  symlinkSync(Buffer.from(entry.linkName), path);
  lutimesSync(path, secondsOf(entry), secondsOf(entry));
}

async function writeFile(path: Buffer, entry: TarEntry, body: AsyncIterable<Uint8Array>): Promise<void> {
  // Exclusive: nothing that came to lie there meanwhile is written through.
  const file = openSync(path, "wx", 0o600);
  try {
    for await (const chunk of body) {
      for (let done = 0; done < chunk.length; ) done += writeSync(file, chunk, done);
    }
    fchmodSync(file, entry.mode);
    futimesSync(file, secondsOf(entry), secondsOf(entry));
  } finally {
    closeSync(file);
  }
}
