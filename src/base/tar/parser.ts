import { IsleError, invalid } from "../error.ts";
import { blockBytes, paddingOf, type TarEntry, type TarEntryType } from "./entry.ts";
import { isZeroBlock, parseHeader, type TarHeader } from "./header.ts";
import { type PaxRecord, parsePax, parsePaxTime } from "./pax.ts";
import {
  bodySparse,
  checkSparse,
  decimal,
  oldGnuExtension,
  oldGnuSparse,
  paxSparse,
  type Segment,
  type SparseMap,
} from "./sparse.ts";

/** What the next bytes of an archive mean. `offset` is where in the file the bytes belong. */
export type TarEvent =
  | { readonly kind: "entry"; readonly entry: TarEntry }
  | { readonly kind: "data"; readonly bytes: Uint8Array; readonly offset: number }
  | { readonly kind: "end" };

/** Long names, pax records and sparse maps beyond this are an attack, not an archive. */
const metaLimitBytes = 1 << 20;

const entryTypes: Record<string, TarEntryType> = {
  "\0": "file",
  "0": "file",
  "7": "file",
  S: "file",
  "1": "hardLink",
  "2": "symlink",
  "3": "charDevice",
  "4": "blockDevice",
  "5": "directory",
  "6": "fifo",
};

interface Extension {
  longName?: Buffer;
  longLink?: Buffer;
  pax: PaxRecord[];
}

/** Takes the whole collected block and says what it meant. */
type Collector = (block: Buffer) => Iterable<TarEvent>;

/**
 * Reads tar as it arrives: ustar, pax, GNU long names, and all four forms of GNU sparse files. `push` yields events
 * whose bytes are views of the given chunk; `finish` fails when the archive stopped in the middle.
 */
export class TarParser {
  #collector: Collector = (block) => this.#header(block);
  #wanted = blockBytes;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #bodyLeft = 0;
  #skip = 0;
  #inBody = false;
  #segments: readonly Segment[] = [];
  #segment = 0;
  #segmentDone = 0;
  #extension: Extension = { pax: [] };
  #zeroBlocks = 0;
  #ended = false;

  /** True once the end marker was read; bytes after it carry nothing. */
  get ended(): boolean {
    return this.#ended;
  }

  *push(chunk: Buffer): Generator<TarEvent, void> {
    let at = 0;
    while (at < chunk.length && !this.#ended) {
      if (this.#bodyLeft > 0) {
        const taken = chunk.subarray(at, at + this.#bodyLeft);
        at += taken.length;
        yield* this.#body(taken);
      } else if (this.#skip > 0) {
        const taken = Math.min(this.#skip, chunk.length - at);
        this.#skip -= taken;
        at += taken;
      } else {
        const taken = chunk.subarray(at, at + this.#wanted - this.#pendingBytes);
        at += taken.length;
        yield* this.#collect(taken);
      }
    }
  }

  finish(): void {
    const inside = this.#bodyLeft > 0 || this.#pendingBytes > 0 || this.#hasExtension();
    if (!this.#ended && inside) throw invalid("the archive is truncated: unexpected end of file");
  }

  #hasExtension(): boolean {
    return this.#extension.pax.length > 0 || !!this.#extension.longName || !!this.#extension.longLink;
  }

  *#collect(part: Buffer): Generator<TarEvent, void> {
    if (this.#pendingBytes + part.length < this.#wanted) {
      this.#pending.push(Buffer.from(part));
      this.#pendingBytes += part.length;
      return;
    }
    const block = this.#pendingBytes === 0 ? part : Buffer.concat([...this.#pending, part]);
    this.#pending = [];
    this.#pendingBytes = 0;
    const collector = this.#collector;
    this.#expect(blockBytes, (next) => this.#header(next));
    yield* collector(block);
  }

  #expect(bytes: number, collector: Collector): void {
    this.#wanted = bytes;
    this.#collector = collector;
  }

  #header(block: Buffer): Iterable<TarEvent> {
    if (isZeroBlock(block)) {
      this.#zeroBlocks += 1;
      this.#ended = this.#zeroBlocks === 2;
      return [];
    }
    if (this.#zeroBlocks > 0) throw invalid("invalid tar header: data after the end marker");
    const header = parseHeader(block);
    if (header.typeFlag === "S") return this.#oldSparse(header, block);
    if ("xLK".includes(header.typeFlag)) return this.#meta(header);
    if (header.typeFlag === "g") {
      this.#skip = header.sizeBytes + paddingOf(header.sizeBytes);
      return [];
    }
    return this.#entry(header);
  }

  /** Collects an extended header that describes the next entry. */
  #meta({ typeFlag, sizeBytes }: TarHeader): Iterable<TarEvent> {
    if (sizeBytes > metaLimitBytes) throw invalid(`invalid tar header: an extended header of ${sizeBytes} bytes`);
    if (sizeBytes === 0) return [];
    this.#expect(sizeBytes + paddingOf(sizeBytes), (padded) => {
      const body = padded.subarray(0, sizeBytes);
      if (typeFlag === "x") this.#extension.pax = parsePax(body);
      else if (typeFlag === "L") this.#extension.longName = untilNul(body);
      else this.#extension.longLink = untilNul(body);
      return [];
    });
    return [];
  }

  #oldSparse(header: TarHeader, block: Buffer): Iterable<TarEvent> {
    const { map, more } = oldGnuSparse(block);
    const segments = [...map.segments];
    const extend: Collector = (extension) => {
      const next = oldGnuExtension(extension);
      segments.push(...next.segments);
      if (segments.length * 24 > metaLimitBytes) throw invalid("invalid tar header: a sparse map without end");
      if (!next.more) return this.#entry(header, { realBytes: map.realBytes, segments });
      this.#expect(blockBytes, extend);
      return [];
    };
    if (!more) return this.#entry(header, map);
    this.#expect(blockBytes, extend);
    return [];
  }

  #entry(header: TarHeader, oldMap?: SparseMap): Iterable<TarEvent> {
    const extension = this.#extension;
    this.#extension = { pax: [] };
    const pax = new Map(extension.pax.filter(([, value]) => value.length > 0));
    const entry = toEntry(header, extension, pax);
    const stored = entry.type === "file" ? paxSize(pax, header.sizeBytes) : 0;
    const realBytes = realSize(pax);
    if (realBytes !== undefined && pax.get("GNU.sparse.major")?.toString() === "1") {
      return this.#bodyMap({ ...entry, sizeBytes: realBytes }, stored, Buffer.alloc(0));
    }
    const segments = realBytes === undefined ? undefined : paxSparse(extension.pax);
    const map = oldMap ?? (segments && { realBytes: realBytes!, segments });
    if (!map) return this.#begin({ ...entry, sizeBytes: stored }, stored, [{ offset: 0, length: stored }]);
    checkSparse(map, stored);
    return this.#begin({ ...entry, sizeBytes: map.realBytes }, stored, map.segments);
  }

  /** Collects the sparse map that heads the body of a GNU sparse 1.0 entry. */
  #bodyMap(entry: TarEntry, stored: number, head: Buffer): Iterable<TarEvent> {
    const segments = bodySparse(head);
    if (segments) {
      const left = stored - head.length;
      checkSparse({ realBytes: entry.sizeBytes, segments }, left);
      return this.#begin(entry, left, segments);
    }
    if (head.length + blockBytes > Math.min(stored, metaLimitBytes)) {
      throw invalid("invalid tar header: a broken sparse map");
    }
    this.#expect(blockBytes, (block) => this.#bodyMap(entry, stored, Buffer.concat([head, block])));
    return [];
  }

  #begin(entry: TarEntry, stored: number, segments: readonly Segment[]): TarEvent[] {
    this.#segments = segments;
    this.#segment = 0;
    this.#segmentDone = 0;
    this.#bodyLeft = stored;
    this.#skip = paddingOf(stored);
    this.#inBody = stored > 0;
    return this.#inBody ? [{ kind: "entry", entry }] : [{ kind: "entry", entry }, { kind: "end" }];
  }

  *#body(taken: Buffer): Generator<TarEvent, void> {
    this.#bodyLeft -= taken.length;
    let at = 0;
    while (at < taken.length) {
      const { offset, length } = this.#segments[this.#segment]!;
      const bytes = taken.subarray(at, at + length - this.#segmentDone);
      if (bytes.length > 0) yield { kind: "data", bytes, offset: offset + this.#segmentDone };
      at += bytes.length;
      this.#segmentDone += bytes.length;
      if (this.#segmentDone === length) {
        this.#segment += 1;
        this.#segmentDone = 0;
      }
    }
    if (this.#bodyLeft === 0) yield { kind: "end" };
  }
}

function toEntry(header: TarHeader, extension: Extension, pax: ReadonlyMap<string, Buffer>): TarEntry {
  const name = pax.get("GNU.sparse.name") ?? pax.get("path") ?? extension.longName ?? header.name;
  const time = pax.get("mtime");
  const xattrs = [...pax].filter(([key]) => key.startsWith(xattrPrefix));
  return {
    name: noNul(name),
    type: typeOf(header, name),
    linkName: noNul(pax.get("linkpath") ?? extension.longLink ?? header.linkName),
    mode: header.mode,
    uid: paxNumber(pax, "uid", header.uid),
    gid: paxNumber(pax, "gid", header.gid),
    sizeBytes: 0,
    modifiedNanos: time ? parsePaxTime(time.toString()) : BigInt(header.modifiedSeconds) * 1_000_000_000n,
    deviceMajor: header.deviceMajor,
    deviceMinor: header.deviceMinor,
    xattrs: new Map(xattrs.map(([key, value]) => [key.slice(xattrPrefix.length), value])),
  };
}

export const xattrPrefix = "SCHILY.xattr.";

function typeOf({ typeFlag }: TarHeader, name: Uint8Array): TarEntryType {
  const type = entryTypes[typeFlag];
  if (!type) throw new IsleError("invalid", `unhandled tar entry type '${typeFlag}'`);
  return type === "file" && name.at(-1) === 0x2f ? "directory" : type;
}

const realSize = (pax: ReadonlyMap<string, Buffer>): number | undefined => {
  const text = pax.get("GNU.sparse.realsize") ?? pax.get("GNU.sparse.size");
  return text && decimal(text.toString());
};

const paxSize = (pax: ReadonlyMap<string, Buffer>, otherwise: number) => paxNumber(pax, "size", otherwise);

function paxNumber(pax: ReadonlyMap<string, Buffer>, name: string, otherwise: number): number {
  const text = pax.get(name)?.toString();
  if (text === undefined) return otherwise;
  if (!/^\d{1,16}$/.test(text) || !Number.isSafeInteger(Number(text))) {
    throw invalid(`invalid tar header: "${text}" is not a ${name}`);
  }
  return Number(text);
}

function untilNul(body: Buffer): Buffer {
  const end = body.indexOf(0);
  return Buffer.from(end === -1 ? body : body.subarray(0, end));
}

function noNul(name: Uint8Array): Uint8Array {
  if (name.includes(0)) throw invalid("invalid tar header: a name with a NUL byte");
  return name;
}
