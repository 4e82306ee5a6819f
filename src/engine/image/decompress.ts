import { Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { type Compression, sniffCompression } from "../../base/compression.ts";
import { invalid, messageOf, unsupported } from "../../base/error.ts";

/** A stream that may be gzip or zstd, as plain bytes. Fails with unsupported for other compressions. */
export async function* decompressed(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
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

async function* inflated(source: AsyncIterable<Uint8Array>, compression: Compression): AsyncGenerator<Uint8Array> {
  if (compression !== "gzip" && compression !== "zstd") {
    throw unsupported(`the archive is compressed with ${compression}`, { hint: "use gzip, zstd or plain tar" });
  }
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
