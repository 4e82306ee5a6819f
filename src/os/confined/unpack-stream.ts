import { Readable, type Transform } from "node:stream";
import { constants, createGunzip, createZstdDecompress } from "node:zlib";
import { sniffCompression } from "../../base/compression.ts";
import { invalid, messageOf, unsupported } from "../../base/error.ts";
import { TarParser } from "../../base/tar/parser.ts";
import type { Input } from "./input.ts";
import type { TreeWriter } from "./tree-writer.ts";

export interface UnpackHooks {
  /** Sees every byte of the uncompressed stream, those after the archive's end too. */
  readonly onPlain?: (chunk: Buffer) => void;
  /** Bytes read so far, before decompression. */
  readonly onRead?: (bytes: number) => void;
}

const chunkBytes = 1 << 20;

/** Unpacks an archive (tar, plain or gzip or zstd) into the present directory. */
export async function unpackStream(
  input: Input,
  writer: TreeWriter,
  { onPlain, onRead }: UnpackHooks = {},
): Promise<void> {
  const parser = new TarParser();
  try {
    for await (const chunk of plainChunks(input, onRead)) {
      onPlain?.(chunk);
      for (const event of parser.push(chunk)) writer.apply(event);
    }
    parser.finish();
    writer.finish();
  } finally {
    writer.close();
  }
}

function plainChunks(input: Input, onRead?: (bytes: number) => void): Iterable<Buffer> | AsyncIterable<Buffer> {
  const head = readChunk(input, Buffer.allocUnsafe(chunkBytes), 6);
  const compression = sniffCompression(head);
  if (compression === "none") return chunksOf(input, head, onRead);
  const chunks = chunksOf(input, head, onRead, () => Buffer.allocUnsafe(chunkBytes));
  if (compression === "gzip") return inflated(chunks, createGunzip({ chunkSize: chunkBytes }));
  if (compression === "zstd") {
    return inflated(chunks, createZstdDecompress({ chunkSize: chunkBytes, params: window }));
  }
  throw unsupported(`the archive is compressed with ${compression}`, { hint: "use gzip, zstd or plain tar" });
}

/** zstd --long=31 is the widest window the format's tools write. */
const window = { [constants.ZSTD_d_windowLogMax]: 31 };

/** Decompression runs beside us in a thread of the stream; file system calls stay on this one. */
async function* inflated(chunks: Iterable<Buffer>, inflate: Transform): AsyncGenerator<Buffer, void> {
  const input = Readable.from(chunks, { objectMode: false });
  input.once("error", (error) => inflate.destroy(error));
  // Left to itself, `pipe` looks at the standard output, and with that makes our archives' descriptor one that does not block.
  input.pipe(inflate, { end: false });
  input.once("end", () => inflate.end());
  try {
    yield* inflate as AsyncIterable<Buffer>;
  } catch (error) {
    if (!isZlibError(error)) throw error;
    throw invalid(`the archive's compression is broken: ${messageOf(error)}`, { cause: error });
  }
}

const isZlibError = (error: unknown): boolean =>
  error instanceof Error && "code" in error && /^(Z_|ZSTD_|ERR_)/.test(String(error.code));

/** All of an input, of which the head was read; who keeps chunks for later says where each goes. */
function* chunksOf(
  input: Input,
  head: Buffer,
  onRead?: (bytes: number) => void,
  newBuffer?: () => Buffer,
): Generator<Buffer, void> {
  const shared = newBuffer ? undefined : Buffer.allocUnsafe(chunkBytes);
  let total = 0;
  for (let chunk = head; chunk.length > 0; chunk = readChunk(input, shared ?? newBuffer!(), 1)) {
    total += chunk.length;
    onRead?.(total);
    yield chunk;
  }
}

/** Reads until at least `atLeast` bytes are there or the input ended. */
function readChunk(input: Input, buffer: Buffer, atLeast: number): Buffer {
  let length = 0;
  while (length < atLeast) {
    const read = input.read(buffer, length, buffer.length - length);
    if (read === 0) break;
    length += read;
  }
  return buffer.subarray(0, length);
}
