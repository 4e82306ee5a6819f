import { describe, expect, test } from "bun:test";
import { formatNanos, parseDuration, parseMoment, parseNanos } from "./time.ts";

describe("time", () => {
  test("nanoseconds survive the way through text", () => {
    expect(formatNanos(1714979289123456789n)).toBe("2024-05-06T07:08:09.123456789Z");
    expect(parseNanos("2024-05-06T09:08:09.123456789+02:00")).toBe(1714979289123456789n);
  });
  test("Go durations are read, signs and fractions too", () => {
    expect(parseDuration("1m30.5s")).toBe(90.5e9);
    expect(parseDuration("-1h")).toBe(-3600e9);
    expect(() => parseDuration("5 minutes")).toThrow("invalid duration");
  });
  test("a moment is Unix seconds, a date or a duration back", () => {
    expect(parseMoment("1714979289.5")).toBe(1714979289500000000n);
    expect(parseMoment("2024-05-06")).toBe(parseNanos("2024-05-06T00:00:00Z"));
    expect(parseMoment("10s", 20_000)).toBe(10_000_000_000n);
    expect(() => parseMoment("2024-13-99")).toThrow("invalid time");
  });
});
