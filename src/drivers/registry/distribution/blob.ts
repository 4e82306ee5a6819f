import { Readable } from "node:stream";
import type { WireResponse } from "./transport.ts";

/** The bytes of a blob's answer from `offset`: a registry that ignored the range sends what we have; skip it. */
export function blobBody(response: WireResponse, offset: number): Readable {
  if (offset === 0 || response.statusCode === 206) return response;
  return Readable.from(skip(response, offset), { objectMode: false });
}

async function* skip(source: Readable, bytes: number): AsyncGenerator<Buffer> {
  let left = bytes;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    if (chunk.length > left) yield left > 0 ? chunk.subarray(left) : chunk;
    left = Math.max(0, left - chunk.length);
  }
}
