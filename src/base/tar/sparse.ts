import { invalid } from "../error.ts";
import { sizeField } from "./header.ts";

/** A piece of a file that the archive holds; what lies between pieces is holes. */
export interface Segment {
  readonly offset: number;
  readonly length: number;
}

export interface SparseMap {
  readonly realBytes: number;
  readonly segments: readonly Segment[];
}

/** Refuses a map whose pieces overlap, leave the file, or do not add up to what the archive stores. */
export function checkSparse({ realBytes, segments }: SparseMap, storedBytes: number): void {
  let end = 0;
  let stored = 0;
  for (const { offset, length } of segments) {
    if (offset < end || offset + length > realBytes) throw broken();
    end = offset + length;
    stored += length;
  }
  if (stored !== storedBytes) throw broken();
}

/** The four pairs within an old GNU header (type S), and whether more blocks follow. */
export function oldGnuSparse(block: Buffer): { map: SparseMap; more: boolean } {
  const segments = gnuPairs(block, 386, 4);
  return { map: { realBytes: sizeField(block, 483, 12), segments }, more: block[482] !== 0 };
}

export function oldGnuExtension(block: Buffer): { segments: Segment[]; more: boolean } {
  return { segments: gnuPairs(block, 0, 21), more: block[504] !== 0 };
}

function gnuPairs(block: Buffer, start: number, count: number): Segment[] {
  const pairs: Segment[] = [];
  for (let at = start; at < start + count * 24 && block[at] !== 0; at += 24) {
    pairs.push({ offset: sizeField(block, at, 12), length: sizeField(block, at + 12, 12) });
  }
  return pairs;
}

/** GNU sparse 0.0 and 0.1: numbers in pax records. Undefined when the records describe no sparse file. */
export function paxSparse(records: readonly (readonly [string, Buffer])[]): Segment[] | undefined {
  const map = records.findLast(([name]) => name === "GNU.sparse.map");
  const numbers = map
    ? map[1]
        .toString("latin1")
        .split(",")
        .filter((text) => text !== "")
    : records
        .filter(([name]) => name === "GNU.sparse.offset" || name === "GNU.sparse.numbytes")
        .map(([, value]) => value.toString("latin1"));
  if (!map && numbers.length === 0) return undefined;
  return toSegments(numbers);
}

/**
 * GNU sparse 1.0: decimal lines at the head of the body, filled up to whole blocks. Undefined while the given bytes
 * do not hold the whole map yet.
 */
export function bodySparse(head: Buffer): Segment[] | undefined {
  const lines = head.toString("latin1").split("\n").slice(0, -1);
  if (lines.length === 0) return undefined;
  const count = decimal(lines[0]!);
  if (lines.length < 1 + count * 2) return undefined;
  return toSegments(lines.slice(1, 1 + count * 2));
}

function toSegments(numbers: readonly string[]): Segment[] {
  if (numbers.length % 2 !== 0) throw broken();
  const segments: Segment[] = [];
  for (let at = 0; at < numbers.length; at += 2) {
    segments.push({ offset: decimal(numbers[at]!), length: decimal(numbers[at + 1]!) });
  }
  return segments;
}

export function decimal(text: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw broken();
  return value;
}

const broken = () => invalid("invalid tar header: a broken sparse map");
