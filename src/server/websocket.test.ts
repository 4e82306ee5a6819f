import { describe, expect, test } from "bun:test";
import { encodeMessage, MessageParser } from "./websocket.ts";

/** A client's frame: masked. */
function masked(code: number, text: string): Buffer {
  const frame = encodeMessage(code, Buffer.from(text));
  const head = frame.subarray(0, frame.length - Buffer.byteLength(text));
  const mask = Buffer.from([1, 2, 3, 4]);
  const payload = Buffer.from(text).map((byte, i) => byte ^ mask[i % 4]!);
  const first = Buffer.from(head);
  first[1] = first[1]! | 0x80;
  return Buffer.concat([first, mask, payload]);
}

describe("WebSocket messages", () => {
  for (const length of [0, 125, 126, 65535, 65536]) {
    test(`${length} bytes are read whole, however they are cut`, () => {
      const frame = masked(1, "x".repeat(length));
      const parser = new MessageParser();
      const cut = Math.floor(frame.length / 2);
      const messages = [...parser.push(frame.subarray(0, cut)), ...parser.push(frame.subarray(cut))];
      expect(messages.map(({ payload }) => payload.length)).toEqual([length]);
    });
  }
  test("an unmasked or oversized frame breaks the connection", () => {
    const unmasked = new MessageParser();
    unmasked.push(encodeMessage(1, Buffer.from("x")));
    expect(unmasked.broken).toBe(true);
    const oversized = new MessageParser();
    oversized.push(Buffer.from([0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]));
    expect(oversized.broken).toBe(true);
  });
});
