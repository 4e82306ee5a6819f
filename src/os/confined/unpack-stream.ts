import { createReadStream, readSync } from "node:fs";
import type { Transform } from "node:stream";
import { constants, createGunzip, createZstdDecompress } from "node:zlib";
import { sniffCompression } from "../../base/compression.ts";
import { invalid, isErrno, messageOf, unsupported } from "../../base/error.ts";
import { TarParser } from "../../base/tar/parser.ts";
import type { TreeWriter } from "./tree-writer.ts";

export interface UnpackHooks {
  /** Sees every byte of the uncompressed stream, those after the archive's end too. */
  readonly onPlain?: (chunk: Buffer) => void;
  /** Bytes read so far, before decompression. */
  readonly onRead?: (bytes: number) => void;
}

const chunkBytes = 1 << 20;

/** Unpacks the archive on descriptor 0 (tar, plain or gzip or zstd) into the present directory. */
export async function unpackStream(writer: TreeWriter, { onPlain, onRead }: UnpackHooks = {}): Promise<void> {
  const parser = new TarParser();
  try {
    for await (const chunk of plainChunks(onRead)) {
      onPlain?.(chunk);
      for (const event of parser.push(chunk)) writer.apply(event);
    }
    parser.finish();
    writer.finish();
  } finally {
    writer.close();
  }
}

function plainChunks(onRead?: (bytes: number) => void): Iterable<Buffer> | AsyncIterable<Buffer> {
  const head = readChunk(Buffer.allocUnsafe(chunkBytes), 6);
  const compression = sniffCompression(head);
  if (compression === "none") return chunksOfInput(head, onRead);
  if (compression === "gzip") return inflated(head, createGunzip({ chunkSize: chunkBytes }), onRead);
  if (compression === "zstd") {
    return inflated(head, createZstdDecompress({ chunkSize: chunkBytes, params: window }), onRead);
  }
  throw unsupported(`the archive is compressed with ${compression}`, { hint: "use gzip, zstd or plain tar" });
}

/** zstd --long=31 is the widest window the format's tools write. */
const window = { [constants.ZSTD_d_windowLogMax]: 31 };

/** Decompression runs beside us in a thread of the stream; file system calls stay on this one. */
async function* inflated(
  head: Buffer,
  inflate: Transform,
  onRead?: (bytes: number) => void,
): AsyncGenerator<Buffer, void> {
  const input = createReadStream("", { fd: 0, autoClose: false, highWaterMark: chunkBytes });
  input.once("error", (error) => inflate.destroy(error));
  inflate.write(head);
  try {
    for await (const chunk of input.pipe(inflate)) {
      onRead?.(head.length + input.bytesRead);
      yield chunk;
    }
  } catch (error) {
    if (!isZlibError(error)) throw error;
    throw invalid(`the archive's compression is broken: ${messageOf(error)}`, { cause: error });
  }
}

const isZlibError = (error: unknown): boolean =>
  error instanceof Error && "code" in error && /^(Z_|ZSTD_|ERR_)/.test(String(error.code));

function* chunksOfInput(head: Buffer, onRead?: (bytes: number) => void): Generator<Buffer, void> {
  const buffer = Buffer.allocUnsafe(chunkBytes);
  let total = 0;
  for (let chunk = head; chunk.length > 0; chunk = readChunk(buffer, 1)) {
    total += chunk.length;
    onRead?.(total);
    yield chunk;
  }
}

/** Reads until at least `atLeast` bytes are there or the input ended. */
function readChunk(buffer: Buffer, atLeast: number): Buffer {
  let length = 0;
  while (length < atLeast) {
    const read = readInput(buffer, length);
    if (read === 0) break;
    length += read;
  }
  return buffer.subarray(0, length);
}

function readInput(buffer: Buffer, offset: number): number {
  for (;;) {
    try {
      return readSync(0, buffer, offset, buffer.length - offset, null);
    } catch (error) {
      if (!isErrno(error, "EINTR")) throw error;
    }
  }
}
