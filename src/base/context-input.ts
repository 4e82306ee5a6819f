import { sniffCompression } from "./compression.ts";
import { invalid } from "./error.ts";
import { encodeFile, endOfArchive } from "./tar/encode.ts";

/** Files of a build that come as one stream. */
export interface StreamedContext {
  /** Path of the Dockerfile in the archive. */
  readonly dockerfile: string;
  readonly archive: AsyncIterable<Uint8Array>;
}

/** A stream that is an archive, or else the Dockerfile of a build without other files. */
export async function streamedContext(input: AsyncIterable<Uint8Array>, file: string): Promise<StreamedContext> {
  const iterator = input[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < 512) {
    const { value, done } = await iterator.next();
    if (done) break;
    head = Buffer.concat([head, value]);
  }
  const rest = { [Symbol.asyncIterator]: () => iterator };
  const isArchive = head.subarray(257, 262).toString() === "ustar" || sniffCompression(head) !== "none";
  if (isArchive) return { dockerfile: file || "Dockerfile", archive: joined(head, rest) };
  return { dockerfile: "Dockerfile", archive: fileAlone("Dockerfile", await textOf(joined(head, rest))) };
}

async function* joined(head: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  yield head;
  yield* rest;
}

const maxTextBytes = 32 << 20;

async function textOf(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of source) {
    chunks.push(Uint8Array.from(chunk));
    bytes += chunk.length;
    if (bytes > maxTextBytes) throw invalid("it is no archive, and too large for a Dockerfile");
  }
  return Buffer.concat(chunks);
}

/** An archive of one file. */
export async function* fileAlone(name: string, bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield* encodeFile(name, bytes);
  yield endOfArchive();
}
