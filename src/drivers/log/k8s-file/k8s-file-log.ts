import { closeSync, existsSync, fstatSync, openSync, readSync, renameSync, rmSync, statSync, watch } from "node:fs";
import { basename, dirname } from "node:path";
import { isErrno } from "../../../base/error.ts";
import type { LogEntry, LogPosition, LogReadOptions, LogRotation, LogStore } from "../../../core/log.ts";
import { hideRestOfLine } from "./cut-line.ts";
import { EntryParser } from "./entry.ts";

const chunkBytes = 256 * 1024;

/** Logs in conmon's k8s-file format, with rotated files beside them as PATH.1 (newest), PATH.2 and so on. */
export function createK8sFileLogs(): LogStore {
  return {
    read: (path, options) => readStored(path, options),
    end: (path) => ({ file: inodeOf(path) ?? 0, offset: sizeOf(path) }),
    follow: (path, from, ended) => follow(path, from, ended),
    rotate,
    watchGrowth,
    remove(path) {
      for (const file of filesOf(path)) rmSync(file, { force: true });
    },
    sizeBytes: (path) => filesOf(path).reduce((sum, file) => sum + sizeOf(file), 0),
  };
}

/** Existing files of a log, oldest first. */
function filesOf(path: string): string[] {
  const rotated: string[] = [];
  for (let i = 1; existsSync(`${path}.${i}`); i += 1) rotated.unshift(`${path}.${i}`);
  return existsSync(path) ? [...rotated, path] : rotated;
}

function inodeOf(path: string): number | undefined {
  try {
    return statSync(path).ino;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return 0;
    throw error;
  }
}

async function* readStored(path: string, options: LogReadOptions = {}): AsyncGenerator<LogEntry> {
  const { since, until, tail } = options;
  const wanted = (entry: LogEntry) =>
    (since === undefined || entry.timeNano >= since) && (until === undefined || entry.timeNano <= until);
  if (tail === undefined) {
    for (const file of filesOf(path)) for (const entry of entriesOf(file)) if (wanted(entry)) yield entry;
    return;
  }
  yield* lastLines(filesOf(path), tail, wanted);
}

/** Keeps only the last lines in memory, reading files from the newest back until there are enough. */
function lastLines(files: string[], lines: number, wanted: (entry: LogEntry) => boolean): LogEntry[] {
  let kept: LogEntry[] = [];
  for (const file of files.toReversed()) {
    const found: LogEntry[] = [];
    for (const entry of entriesOf(file)) if (wanted(entry)) found.push(entry);
    kept = [...found, ...kept];
    if (countLines(kept) > lines) break;
  }
  return cutToLines(kept, lines);
}

const countLines = (entries: readonly LogEntry[]): number => entries.filter(({ partial }) => !partial).length;

function cutToLines(entries: LogEntry[], lines: number): LogEntry[] {
  if (lines <= 0) return [];
  let seen = entries.at(-1)?.partial ? 1 : 0;
  for (let i = entries.length - 1; i >= 0; i -= 1) {
    if (entries[i]!.partial) continue;
    seen += 1;
    if (seen > lines) return entries.slice(i + 1);
  }
  return entries;
}

function* entriesOf(file: string): Generator<LogEntry> {
  const fd = openSync(file, "r");
  try {
    const reader = new TailReader(fd, 0);
    for (let batch = reader.read(); batch.length > 0 || reader.hasMore(); batch = reader.read()) yield* batch;
  } finally {
    closeSync(fd);
  }
}

/** Reads what was appended since the last time. */
class TailReader {
  readonly fd: number;
  readonly #parser = new EntryParser();
  readonly #buffer = Buffer.alloc(chunkBytes);
  #offset: number;

  constructor(fd: number, offset: number) {
    this.fd = fd;
    this.#offset = offset;
  }

  hasMore(): boolean {
    return fstatSync(this.fd).size > this.#offset;
  }

  read(): LogEntry[] {
    const length = readSync(this.fd, this.#buffer, 0, chunkBytes, this.#offset);
    this.#offset += length;
    return this.#parser.push(this.#buffer.subarray(0, length));
  }
}

/**
 * Follows by the directory's change events: one watch serves growth, rotation and the log's first appearance. A file
 * set aside is read to its end before the next is opened.
 */
async function* follow(path: string, from: LogPosition | undefined, ended: Promise<unknown>): AsyncGenerator<LogEntry> {
  const bell = new Bell();
  const watcher = watch(dirname(path), (_, name) => {
    if (name === null || String(name).startsWith(basename(path))) bell.changed();
  });
  let over = false;
  const settle = () => {
    over = true;
    bell.ring();
  };
  ended.then(settle, settle);
  let reader: TailReader | undefined;
  let position = from;
  try {
    for (;;) {
      const finished = over;
      reader ??= openTail(path, position);
      if (reader) yield* drain(reader);
      if (reader && inodeOf(path) !== fstatSync(reader.fd).ino && inodeOf(path) !== undefined) {
        yield* drain(reader);
        closeSync(reader.fd);
        reader = undefined;
        position = undefined;
        continue;
      }
      if (finished) return;
      await bell.wait();
    }
  } finally {
    watcher.close();
    bell.close();
    if (reader) closeSync(reader.fd);
  }
}

function* drain(reader: TailReader): Generator<LogEntry> {
  while (reader.hasMore()) yield* reader.read();
}

function openTail(path: string, position: LogPosition | undefined): TailReader | undefined {
  if (!existsSync(path)) return undefined;
  const fd = openSync(path, "r");
  const same = position?.file === fstatSync(fd).ino;
  return new TailReader(fd, same ? position.offset : 0);
}

/**
 * The runtime drops a change event that follows another of the same file within a millisecond, so each one is followed
 * by a second look a little later.
 */
const secondLookMs = 4;

/** Remembers a ring that came while nobody waited. */
class Bell {
  #rung = false;
  #wake: (() => void) | undefined;
  #secondLook: ReturnType<typeof setTimeout> | undefined;

  changed(): void {
    this.ring();
    this.#secondLook ??= setTimeout(() => {
      this.#secondLook = undefined;
      this.ring();
    }, secondLookMs);
  }

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  close(): void {
    clearTimeout(this.#secondLook);
  }

  async wait(): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#rung = false;
    this.#wake = undefined;
  }
}

function rotate(path: string, { maxBytes, maxFiles }: LogRotation): boolean {
  if (sizeOf(path) < maxBytes) return false;
  const oldest = Math.max(1, maxFiles - 1);
  if (oldest > 1) hideRestOfLine(`${path}.${oldest}`, `${path}.${oldest - 1}`);
  rmSync(`${path}.${oldest}`, { force: true });
  for (let i = maxFiles - 2; i >= 1; i -= 1)
    if (existsSync(`${path}.${i}`)) renameSync(`${path}.${i}`, `${path}.${i + 1}`);
  if (maxFiles <= 1) rmSync(path, { force: true });
  else renameSync(path, `${path}.1`);
  return true;
}

function watchGrowth(path: string, onGrowth: (sizeBytes: number) => void): () => void {
  const watcher = watch(dirname(path), (_, name) => {
    if (name === null || String(name) === basename(path)) onGrowth(sizeOf(path));
  });
  return () => watcher.close();
}
