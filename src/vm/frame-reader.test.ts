import { expect, test } from "bun:test";
import { FrameReader } from "./frame-reader.ts";
import { frameType } from "./generated/protocol.ts";
import { frame } from "./plan/fields.ts";

const sample = Buffer.concat([
  frame(frameType.output, 1, Buffer.from("one")),
  frame(frameType.exited, 7),
  frame(frameType.errors, 2, Buffer.alloc(70, "x")),
]);

test("frames come apart in order, however the bytes are cut", () => {
  for (let cut = 0; cut <= sample.length; cut++) {
    const reader = new FrameReader();
    const frames = [...reader.push(sample.subarray(0, cut)), ...reader.push(sample.subarray(cut))];
    expect(frames.map(({ type, stream, payload }) => [type, stream, payload.length])).toEqual([
      [frameType.output, 1, 3],
      [frameType.exited, 7, 0],
      [frameType.errors, 2, 70],
    ]);
  }
});

test("a length beyond the limit and a header that is none are refused", () => {
  const tooLarge = frame(frameType.output, 1);
  tooLarge.writeUInt32LE(65_537, 0);
  expect(() => new FrameReader().push(tooLarge)).toThrow("no frame");
  const torn = frame(frameType.output, 1);
  torn.writeUInt16LE(1, 6);
  expect(() => new FrameReader().push(torn)).toThrow("no frame");
});

test("random bytes are frames or are refused, and never more than came in", () => {
  let state = 42;
  const draw = () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state;
  };
  for (let round = 0; round < 300; round++) {
    const bytes = Buffer.from(Array.from({ length: 1 + (draw() % 400) }, () => (draw() % 5 ? 0 : draw() & 0xff)));
    try {
      const total = new FrameReader().push(bytes).reduce((sum, { payload }) => sum + 12 + payload.length, 0);
      expect(total).toBeLessThanOrEqual(bytes.length);
    } catch (error) {
      expect(String(error)).toContain("no frame");
    }
  }
});
