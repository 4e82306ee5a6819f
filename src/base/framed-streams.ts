import { invalid } from "./error.ts";

const maxChunkBytes = 16 << 20;

/** Streams one after the other as one: each chunk is led by its length, and length 0 ends a stream. */
export async function* framedStreams(streams: Iterable<AsyncIterable<Uint8Array>>): AsyncGenerator<Uint8Array, void> {
  for (const stream of streams) {
    for await (const chunk of stream) {
      if (chunk.length === 0) continue;
      yield lengthOf(chunk.length);
      yield chunk;
    }
    yield lengthOf(0);
  }
}

/** What leads a chunk, or ends a stream. */
export function lengthOf(bytes: number): Buffer {
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(bytes);
  return length;
}

/** Gives the streams back: each must be read to its end before the next. */
export class FramedReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async *next(): AsyncGenerator<Uint8Array, void> {
    for (;;) {
      const length = (await this.#take(4)).readUInt32BE();
      if (length === 0) return;
      if (length > maxChunkBytes) throw invalid("the streams of the request are not framed");
      yield await this.#take(length);
    }
  }

  async #take(bytes: number): Promise<Buffer> {
    const chunks = [this.#rest];
    for (let have = this.#rest.length; have < bytes; ) {
      const { value, done } = await this.#source.next();
      if (done) throw invalid("the request ended within a stream");
      chunks.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
      have += value.length;
    }
    const all = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    this.#rest = all.subarray(bytes);
    return all.subarray(0, bytes);
  }
}
