import { expect, test } from "bun:test";
import { FramedReader, framedStreams } from "./framed-streams.ts";

async function* chunks(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function textOf(source: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of source) text += Buffer.from(chunk).toString();
  return text;
}

/** The same bytes in pieces of this size. */
async function* cut(source: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  let all = Buffer.alloc(0);
  for await (const chunk of source) all = Buffer.concat([all, chunk]);
  for (let at = 0; at < all.length; at += size) yield all.subarray(at, at + size);
}

for (const size of [1, 3, 1000]) {
  test(`streams come back as they were, cut into pieces of ${size}`, async () => {
    const reader = new FramedReader(cut(framedStreams([chunks("ab", "", "c"), chunks(), chunks("d")]), size));
    expect([await textOf(reader.next()), await textOf(reader.next()), await textOf(reader.next())]).toEqual([
      "abc",
      "",
      "d",
    ]);
  });
}

test("an end too early is told", async () => {
  const reader = new FramedReader(cut(framedStreams([chunks("abcdef")]), 5));
  await textOf(reader.next());
  expect(textOf(reader.next())).rejects.toThrow("ended within a stream");
});
