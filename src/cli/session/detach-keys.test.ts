import { expect, test } from "bun:test";
import { DetachFilter, parseDetachKeys } from "./detach-keys.ts";

test("keys are read by name", () => {
  expect(parseDetachKeys("ctrl-p,ctrl-q")).toEqual([16, 17]);
  expect(parseDetachKeys("ctrl-@,a,ctrl-[")).toEqual([0, 97, 27]);
  expect(() => parseDetachKeys("ctrl-p,shift")).toThrow("unknown character: 'shift'");
});

test("the sequence detaches, however it is cut into pieces", () => {
  const filter = new DetachFilter([16, 17]);
  expect(filter.push(Uint8Array.of(97, 16))).toEqual(Uint8Array.of(97));
  expect(filter.push(Uint8Array.of(17))).toBeUndefined();
});

test("a beginning that goes on differently is passed on whole", () => {
  const filter = new DetachFilter([16, 17]);
  expect(filter.push(Uint8Array.of(16, 98))).toEqual(Uint8Array.of(16, 98));
  expect(filter.push(Uint8Array.of(16, 16))).toEqual(Uint8Array.of(16));
  expect(filter.push(Uint8Array.of(17))).toBeUndefined();
});
