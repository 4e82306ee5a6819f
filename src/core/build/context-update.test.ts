import { expect, test } from "bun:test";
import type { ManifestEntry } from "./context-manifest.ts";
import { updateContext } from "./context-update.ts";

const file = (digest: string): ManifestEntry => ({ type: "file", mode: 0o644, link: "", digest, sizeBytes: 1 });
const directory: ManifestEntry = { ...file(""), type: "directory", mode: 0o755 };
const base = {
  files: new Map([
    ["dir", directory],
    ["dir/a", file("1")],
    ["b", file("2")],
  ]),
  facts: new Map([
    ["dir", "d"],
    ["dir/a", "fa"],
    ["b", "fb"],
  ]),
};
const update = (received: Record<string, ManifestEntry>, facts: Record<string, string>, from?: typeof base) =>
  updateContext(new Map(Object.entries(received)), new Map(Object.entries(facts)), from);

test("what did not come is the base's, when its facts are", () => {
  const { files, stale, changed } = update({ dir: directory }, { dir: "d", "dir/a": "fa", b: "fb" }, base);
  expect([files, stale, changed]).toEqual([base.files, [], false]);
});

test("a file that came with the content it had changes nothing", () => {
  expect(update({ b: file("2") }, { dir: "d", "dir/a": "fa", b: "new" }, base).changed).toBe(false);
  expect(update({ b: file("3") }, { dir: "d", "dir/a": "fa", b: "new" }, base).changed).toBe(true);
});

test("what is gone or of another kind is stale", () => {
  const { files, stale, changed } = update({ dir: file("4") }, { dir: "x", b: "fb" }, base);
  expect([[...files.keys()], stale, changed]).toEqual([["dir", "b"], ["dir", "dir/a"], true]);
});

test("a file that neither the base nor the archive has is missed", () => {
  expect(() => update({}, { b: "other facts" }, base)).toThrow("the build context lacks b");
  expect(() => update({}, { b: "fb" })).toThrow("the build context lacks b");
});
