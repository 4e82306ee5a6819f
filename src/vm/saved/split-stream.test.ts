import { describe, expect, test } from "bun:test";
import { StreamSplitter } from "./split-stream.ts";

const page = (fill: number): Buffer => Buffer.alloc(4096, fill);
const number = (value: number, low = 0): Buffer => {
  const out = Buffer.alloc(8);
  out.writeBigUInt64BE(BigInt(value) + BigInt(low));
  return out;
};
const named = (name: string): Buffer => Buffer.from([name.length, ...Buffer.from(name)]);
const block = (name: string, bytes: number): Buffer => Buffer.concat([named(name), number(bytes), number(0)]);
const footer = Buffer.from([0x7e, 0, 0, 0, 2]);
const head = (kind: number): Buffer => Buffer.from([kind, 0, 0, 0, 2]);

const before = Buffer.from("QEVM and what machine it is");
const begin = Buffer.concat([head(1), Buffer.from("\x03ram"), Buffer.from([0, 0, 0, 0, 0, 0, 0, 4])]);
const sizes = Buffer.concat([number(5 * 4096 + 4096, 0x04), block("rom", 4096), block("memory", 5 * 4096)]);
const end = number(0, 0x10);
const rom = Buffer.concat([number(0, 0x08), named("rom"), page(9)]);
const devices = Buffer.from("\x04 the devices \x00");

const first = Buffer.concat([number(0, 0x08), named("memory"), page(1)]);
const second = Buffer.concat([number(4096, 0x28), page(2)]);
const zero = Buffer.concat([number(8192, 0x22), Buffer.from([0])]);
const last = Buffer.concat([number(4 * 4096, 0x08), named("memory"), page(5)]);

const stream = Buffer.concat([
  ...[before, begin, sizes, end, footer],
  ...[head(2), first, second, zero, rom, end, footer],
  ...[head(3), last, end, footer, devices],
]);
const state = Buffer.concat([
  ...[before, begin, sizes, end, footer],
  ...[head(2), rom, end, footer],
  ...[head(3), end, footer, devices],
]);

function split(chunks: Iterable<Uint8Array>) {
  const memory = Buffer.alloc(5 * 4096);
  const rest: Buffer[] = [];
  const splitter = new StreamSplitter({
    writeMemory(pages, offset) {
      let at = offset;
      for (const each of pages) {
        memory.set(each, at);
        at += each.length;
      }
    },
    writeState: (bytes) => void rest.push(Buffer.from(bytes)),
  });
  for (const chunk of chunks) splitter.push(chunk);
  return { memory, state: Buffer.concat(rest), isOver: splitter.isOver };
}

function* cut(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe("a saved machine's stream", () => {
  test.each([1, 7, 4096, 4105, 1 << 20])("in pieces of %i bytes becomes its memory and the rest", (size) => {
    const found = split(cut(stream, size));
    expect(found.state.equals(state)).toBe(true);
    expect(found.memory.equals(Buffer.concat([page(1), page(2), page(0), page(0), page(5)]))).toBe(true);
    expect(found.isOver).toBe(true);
  });

  test("that ends early is not over", () => {
    expect(split([stream.subarray(0, stream.length - devices.length - 6)]).isOver).toBe(false);
  });

  test.each([
    ["a page of a kind that is not known", Buffer.concat([before, begin, sizes, number(0, 0x100)])],
    ["no list of blocks", Buffer.concat([before, begin, number(0, 0x08)])],
    ["a section without an end", Buffer.concat([before, begin, sizes, end, page(0)])],
    ["another section in between", Buffer.concat([before, begin, sizes, end, footer, page(7)])],
    ["no memory at all", Buffer.alloc(2 << 20)],
  ])("with %s is refused", (_, bytes) => {
    expect(() => split([bytes])).toThrow("cannot be understood");
  });
});
