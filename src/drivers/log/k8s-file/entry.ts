import { parseNanos } from "../../../base/time.ts";
import type { LogEntry } from "../../../core/log.ts";

const newline = 0x0a;
const space = 0x20;
/** Time, stream and tag take fewer bytes than this; a longer head is no entry. */
const maxHeadBytes = 64;

/**
 * Reads `TIME stdout|stderr F|P TEXT` lines. `F` ends a line of the workload's output, `P` a piece of one. What does
 * not parse (a torn line after a crash) is passed over.
 */
export class EntryParser {
  #rest: Buffer = Buffer.alloc(0);

  /** Entries completed by these bytes. */
  push(chunk: Uint8Array): LogEntry[] {
    const data = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : Buffer.from(chunk);
    const entries: LogEntry[] = [];
    let start = 0;
    for (let end = data.indexOf(newline, start); end !== -1; end = data.indexOf(newline, start)) {
      const entry = parseEntry(data, start, end);
      if (entry) entries.push(entry);
      start = end + 1;
    }
    this.#rest = data.subarray(start);
    return entries;
  }
}

function parseEntry(data: Buffer, start: number, end: number): LogEntry | undefined {
  const afterTime = data.indexOf(space, start);
  const afterStream = data.indexOf(space, afterTime + 1);
  const afterTag = data.indexOf(space, afterStream + 1);
  if (afterTime === -1 || afterStream === -1 || afterTag === -1 || afterTag > end || afterTag - start > maxHeadBytes) {
    return undefined;
  }
  const stream = data.toString("latin1", afterTime + 1, afterStream);
  if (stream !== "stdout" && stream !== "stderr") return undefined;
  const time = data.toString("latin1", start, afterTime);
  if (!timePattern.test(time)) return undefined;
  const partial = data[afterStream + 1] === 0x50;
  return {
    timeNano: cachedNanos(time),
    stream,
    // A whole line keeps its line end, which stands in the log anyway.
    data: data.subarray(afterTag + 1, partial ? end : end + 1),
    partial,
  };
}

const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(Z|[+-]\d\d:\d\d)$/;

/** Lines of one second share the slow part of reading their time. */
let cachedPrefix = "";
let cachedSecond = 0n;

function cachedNanos(text: string): bigint {
  const prefix = text.slice(0, 19);
  const zone = text.slice(29);
  if (prefix + zone !== cachedPrefix) {
    cachedSecond = parseNanos(`${prefix}${zone}`);
    cachedPrefix = prefix + zone;
  }
  return cachedSecond + BigInt(text.slice(20, 29));
}
