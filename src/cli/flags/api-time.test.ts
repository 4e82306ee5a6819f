import { expect, test } from "bun:test";
import { apiTime } from "./api-time.ts";

test("seconds since 1970 and nothing stay as they are", () => {
  expect(apiTime("1700000000.5")).toBe("1700000000.5");
  expect(apiTime("")).toBe("");
});

test("a duration is that long ago", () => {
  expect(Math.abs(Number(apiTime("1h30m")) - (Date.now() / 1000 - 5400))).toBeLessThan(1);
  expect(Math.abs(Number(apiTime("500ms")) - (Date.now() / 1000 - 0.5))).toBeLessThan(0.4);
});

test("a date keeps its nanoseconds and its zone", () => {
  expect(apiTime("2013-01-02T13:23:37.123456789Z")).toBe("1357133017.123456789");
  expect(apiTime("2013-01-02T13:23:37+01:00")).toBe("1357129417.000000000");
});

test("a date without a zone is local", () => {
  const local = new Date(2013, 0, 2, 13, 23).getTime() / 1000;
  expect(apiTime("2013-01-02T13:23")).toBe(`${local}.000000000`);
  expect(apiTime("2013-01-02")).toBe(`${new Date(2013, 0, 2).getTime() / 1000}.000000000`);
});

test("anything else is refused", () => {
  expect(() => apiTime("yesterday")).toThrow('failed to parse value as time or duration: "yesterday"');
});
