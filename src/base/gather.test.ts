import { expect, test } from "bun:test";
import { gathered } from "./gather.ts";

async function* chunks(...lengths: number[]): AsyncGenerator<Uint8Array, void> {
  let next = 0;
  for (const length of lengths) yield Uint8Array.from({ length }, () => next++ % 256);
}

async function lengthsOf(source: AsyncIterable<Uint8Array>): Promise<number[]> {
  const lengths: number[] = [];
  for await (const { length } of source) lengths.push(length);
  return lengths;
}

const cases: ReadonlyArray<readonly [given: readonly number[], wanted: readonly number[]]> = [
  [[], []],
  [[0], []],
  [[3, 3, 3], [9]],
  [
    [5, 5, 5],
    [10, 5],
  ],
  [
    [3, 20, 4],
    [3, 20, 4],
  ],
  [
    [10, 10],
    [10, 10],
  ],
  [
    [1, 9, 1],
    [10, 1],
  ],
];
for (const [given, wanted] of cases) {
  test(`chunks of ${given.join(", ") || "nothing"} become ${wanted.join(", ") || "nothing"}, with the same bytes`, async () => {
    expect(await lengthsOf(gathered(chunks(...given), 10))).toEqual([...wanted]);
    const all = async (source: AsyncIterable<Uint8Array>) => {
      const parts: Buffer[] = [];
      for await (const part of source) parts.push(Buffer.from(part));
      return Buffer.concat(parts);
    };
    expect(await all(gathered(chunks(...given), 10))).toEqual(await all(chunks(...given)));
  });
}
