import { describe, expect, test } from "bun:test";
import { KeyMatcher } from "./raw-stream.ts";

describe("detach keys", () => {
  const keys = Uint8Array.from([16, 17]);
  test("are found across chunks and not passed on", () => {
    const matcher = new KeyMatcher(keys);
    expect(matcher.push(Buffer.from([65, 16]))).toEqual({ data: Uint8Array.from([65]), matched: false });
    expect(matcher.push(Buffer.from([17])).matched).toBe(true);
  });
  test("a beginning that leads nowhere is passed on", () => {
    const matcher = new KeyMatcher(keys);
    matcher.push(Buffer.from([16]));
    expect([...matcher.push(Buffer.from([66])).data]).toEqual([16, 66]);
  });
  test("a repeated first key still counts as the beginning", () => {
    expect(new KeyMatcher(keys).push(Buffer.from([16, 16, 17])).matched).toBe(true);
  });
});
