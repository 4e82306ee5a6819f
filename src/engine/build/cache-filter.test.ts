import { expect, test } from "bun:test";
import { cacheTerms, matchesTerms, parseCacheFilter } from "./cache-filter.ts";
import { bytesToKeep } from "./prune.ts";

const entry = { id: "abc123", parent: "def", type: "regular", description: "RUN make", inUse: false } as const;

test.each([
  ["", true],
  ["type==regular", true],
  ["type!=regular", false],
  ["type==regular,id~=^abc", true],
  ["id~=123$", true],
  ["id~=^bc", false],
  ["id==abc", false],
  ["inuse", false],
  ["private", true],
  ["shared==false", true],
  ["shared==true", false],
  ["immutable", true],
  ["parents", true],
  ['description=="RUN make"', true],
  ["description==RUN make", true],
])("the filter %s", (text, matches) => {
  expect(matchesTerms(parseCacheFilter(text), entry)).toBe(matches);
});

test("filters of Docker's API", () => {
  const of = (filters: Record<string, string[]>) => matchesTerms(cacheTerms(new Map(Object.entries(filters))), entry);
  expect(of({ id: ["abc"] })).toBe(true);
  expect(of({ id: ["x"] })).toBe(false);
  expect(of({ type: ["regular"], inuse: ["true"] })).toBe(false);
  expect(of({ type: ["source.local"] })).toBe(false);
});

test.each(["nothing==x", "=x", "id~=(a+)+b", "Type==x"])("%s is refused", (text) => {
  expect(() => parseCacheFilter(text)).toThrow(/invalid filter|pattern/);
});

test.each([
  [{}, 0],
  [{ reservedBytes: 10 }, 10],
  [{ maxUsedBytes: 50 }, 50],
  [{ maxUsedBytes: 50, reservedBytes: 60 }, 60],
  [{ minFreeBytes: 30 }, 80],
  [{ minFreeBytes: 30, maxUsedBytes: 70 }, 70],
  [{ minFreeBytes: 30, maxUsedBytes: 90 }, 80],
  [{ minFreeBytes: 200, reservedBytes: 5 }, 5],
])("with the limits %j there may stay %d of 100 bytes", (limits, kept) => {
  expect(bytesToKeep(limits, { heldBytes: 100, freeBytes: 10 })).toBe(kept);
});
