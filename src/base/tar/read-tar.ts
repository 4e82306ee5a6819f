import { invalid } from "../error.ts";
import type { TarEntry } from "./entry.ts";
import { type TarEvent, TarParser } from "./parser.ts";

export interface TarItem {
  readonly entry: TarEntry;
  /** The content, to be read before the next item is asked for; what is left of it is skipped then. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Walks an archive that arrives as a stream. Holes of sparse files are not filled. */
export async function* readTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarItem, void> {
  const events = readEvents(source);
  for (;;) {
    const { value, done } = await events.next();
    if (done) return;
    if (value.kind !== "entry") continue;
    yield { entry: value.entry, body: readBody(events) };
  }
}

async function* readBody(events: AsyncGenerator<TarEvent, void>): AsyncGenerator<Uint8Array, void> {
  for (;;) {
    const { value, done } = await events.next();
    if (done) throw invalid("the archive is truncated: unexpected end of file");
    if (value.kind !== "data") return;
    yield value.bytes;
  }
}

async function* readEvents(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarEvent, void> {
  const parser = new TarParser();
  for await (const chunk of source) yield* parser.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
  parser.finish();
}
