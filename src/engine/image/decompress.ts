import { Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { sniffCompression } from "../../base/compression.ts";
import { invalid, messageOf } from "../../base/error.ts";
import type { Decompress } from "../../core/decompress.ts";

/** A stream that may be compressed with gzip, zstd, xz or bzip2, as plain bytes. */
export async function* decompressed(
  { decompress }: { readonly decompress: Decompress },
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const input = source[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  for (let bytes = 0; bytes < 6; ) {
    const { value, done } = await input.next();
    if (done) break;
    head.push(value);
    bytes += value.byteLength;
  }
  const compression = sniffCompression(Buffer.concat(head));
  const whole = joined(head, input);
  if (compression === "none") yield* whole;
  else if (compression === "xz" || compression === "bzip2") yield* decompress(compression, whole);
  else yield* inflated(whole, compression);
}

async function* joined(head: Uint8Array[], rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  try {
    yield* head;
    for (;;) {
      const { value, done } = await rest.next();
      if (done) return;
      yield value;
    }
  } finally {
    await rest.return?.();
  }
}

async function* inflated(source: AsyncIterable<Uint8Array>, compression: "gzip" | "zstd"): AsyncGenerator<Uint8Array> {
  const chunkSize = 1 << 20;
  const inflate = compression === "gzip" ? createGunzip({ chunkSize }) : createZstdDecompress({ chunkSize });
  const input = Readable.from(source, { objectMode: false });
  let inputError: unknown;
  input.once("error", (error) => {
    inputError = error;
    inflate.destroy(error);
  });
  try {
    yield* input.pipe(inflate);
  } catch (error) {
    throw inputError ?? invalid(`the archive's compression is broken: ${messageOf(error)}`, { cause: error });
  } finally {
    input.destroy();
  }
}
