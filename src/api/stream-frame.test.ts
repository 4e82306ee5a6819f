import { expect, test } from "bun:test";
import { encodeFrame, FrameDecoder, type FramePiece, frameHeader, frameStreams } from "./stream-frame.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function joined(pieces: readonly FramePiece[]): string {
  return pieces.map(({ stream, data }) => `${stream}:${new TextDecoder().decode(data)}`).join("|");
}

test("a frame is its stream, three zero bytes, the length and the payload", () => {
  expect([...encodeFrame(frameStreams.stderr, bytes("hey"))]).toEqual([2, 0, 0, 0, 0, 0, 0, 3, 104, 101, 121]);
  expect([...frameHeader(frameStreams.stdout, 0x01020304)]).toEqual([1, 0, 0, 0, 1, 2, 3, 4]);
});

test("frames come apart in order, empty ones vanish", () => {
  const decoder = new FrameDecoder();
  const wire = Buffer.concat([encodeFrame(1, bytes("out")), encodeFrame(2, bytes("")), encodeFrame(2, bytes("err"))]);
  expect(joined(decoder.push(wire))).toBe("1:out|2:err");
  expect(decoder.atBoundary).toBe(true);
});

test("every way to cut the wire in two gives the same bytes", () => {
  const wire = Buffer.concat([encodeFrame(1, bytes("one")), encodeFrame(2, bytes("two"))]);
  for (let cut = 0; cut <= wire.length; cut += 1) {
    const decoder = new FrameDecoder();
    const pieces = [...decoder.push(wire.subarray(0, cut)), ...decoder.push(wire.subarray(cut))];
    const text = (stream: number) =>
      pieces
        .filter((piece) => piece.stream === stream)
        .map((piece) => Buffer.from(piece.data).toString())
        .join("");
    expect([text(1), text(2)]).toEqual(["one", "two"]);
    expect(decoder.atBoundary).toBe(true);
  }
});

test("bytes that are no frame are refused", () => {
  expect(() => new FrameDecoder().push(bytes("HTTP/1.1"))).toThrow("unknown stream 72");
});
