import type { Duplex, Readable, Writable } from "node:stream";
import { encodeFrame, type FrameStream } from "../api/stream-frame.ts";
import type { LogEntry } from "../core/log.ts";
import type { Exchange } from "./exchange.ts";

/** Writes and waits while the client reads slower than the workload writes. */
export async function writeAll(target: Writable, data: Uint8Array): Promise<boolean> {
  if (target.destroyed || target.writableEnded) return false;
  if (target.write(data)) return true;
  await drained(target);
  return !target.destroyed;
}

function drained(target: Writable): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      for (const event of ["drain", "close", "error"]) target.off(event, finish);
      resolve();
    };
    for (const event of ["drain", "close", "error"]) target.once(event, finish);
  });
}

/** Output as a terminal's raw bytes or as frames that tell stdout from stderr. */
export const frameOutput = (stream: FrameStream, data: Uint8Array, tty: boolean): Uint8Array =>
  tty ? data : encodeFrame(stream, data);

/** Sends log entries until they or the client end. */
export async function sendEntries(
  target: Writable,
  entries: AsyncIterable<LogEntry>,
  encode: (entry: LogEntry) => Uint8Array,
): Promise<void> {
  for await (const entry of entries) if (!(await writeAll(target, encode(entry)))) return;
}

/** Copies a child's stream to the client as frames. */
export async function sendStream(
  target: Writable,
  source: Readable | undefined,
  stream: FrameStream,
  tty: boolean,
): Promise<void> {
  if (!source) return;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    if (!(await writeAll(target, frameOutput(stream, chunk, tty)))) {
      source.resume();
      return;
    }
  }
}

/**
 * Copies the client's bytes to the workload, watching for the detach keys of a terminal. Returns true when the client
 * detached; ends the workload's input when the client half-closed.
 */
export async function receiveInput(
  client: Duplex,
  input: Writable,
  detachKeys: Uint8Array | undefined,
): Promise<boolean> {
  const matcher = detachKeys && detachKeys.length > 0 ? new KeyMatcher(detachKeys) : undefined;
  try {
    // The default would destroy the stream at its end, and with it the way back to the client.
    for await (const chunk of client.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      const { data, matched } = matcher ? matcher.push(chunk) : { data: chunk as Uint8Array, matched: false };
      if (data.length > 0 && !(await writeAll(input, data))) return false;
      if (matched) return true;
    }
  } catch {
    // The connection broke: nobody is left to tell.
  }
  input.end();
  return false;
}

/** Finds a key sequence across chunks; bytes that turn out not to belong to it are passed on. */
export class KeyMatcher {
  readonly #keys: Uint8Array;
  #matched = 0;

  constructor(keys: Uint8Array) {
    this.#keys = keys;
  }

  push(chunk: Uint8Array): { data: Uint8Array; matched: boolean } {
    const out: number[] = [];
    for (const byte of chunk) {
      if (byte !== this.#keys[this.#matched]) {
        out.push(...this.#keys.subarray(0, this.#matched));
        this.#matched = 0;
      }
      if (byte === this.#keys[this.#matched]) {
        this.#matched += 1;
        if (this.#matched === this.#keys.length) return { data: Uint8Array.from(out), matched: true };
      } else out.push(byte);
    }
    return { data: Uint8Array.from(out), matched: false };
  }
}

/** Sends a stream; one that breaks cuts the connection, so that the client does not take a part for the whole. */
export async function pipeOut(
  source: Readable,
  { response, signal }: Pick<Exchange, "response" | "signal">,
): Promise<void> {
  signal.addEventListener("abort", () => source.destroy());
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      if (!(await writeAll(response, chunk))) break;
    }
    response.end();
  } catch {
    response.destroy();
  } finally {
    source.destroy();
  }
}
