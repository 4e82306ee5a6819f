import { expect, test } from "bun:test";
import { encodeEntry, endOfArchive, padding } from "../../base/tar/encode.ts";
import { tarEntry } from "../../base/tar/entry.ts";
import { digestSelection, readManifest } from "./context-manifest.ts";

async function* archive(files: Readonly<Record<string, string>>, links: Readonly<Record<string, string>> = {}) {
  for (const [name, text] of Object.entries(files)) {
    yield encodeEntry(tarEntry(`./${name}`, "file", { sizeBytes: text.length }));
    yield Buffer.from(text);
    yield padding(text.length);
  }
  for (const [name, link] of Object.entries(links)) {
    yield encodeEntry(tarEntry(name, "symlink", { linkName: Buffer.from(link) }));
  }
  yield endOfArchive();
}
const manifest = (files: Readonly<Record<string, string>>, links = {}) =>
  readManifest(archive(files, links), (path) => path === "Dockerfile");
const select = (sources: string[], excludes: string[] = []) => ({
  sources,
  excludes,
  target: "/",
  into: true,
  parents: false,
});

const files = { Dockerfile: "FROM a", "src/a.ts": "a", "src/b.md": "b", "top.ts": "t" };

test("contents that the build wants are kept", async () => {
  const { texts } = await manifest(files);
  expect([...texts].map(([path, content]) => [path, content.toString()])).toEqual([["Dockerfile", "FROM a"]]);
});

test("a digest changes with what is selected, and with nothing else", async () => {
  const before = await manifest(files);
  const after = await manifest({ ...files, "src/a.ts": "changed" });
  const same = (selection: ReturnType<typeof select>) =>
    digestSelection(before, selection) === digestSelection(after, selection);
  expect(same(select(["src"]))).toBe(false);
  expect(same(select(["."]))).toBe(false);
  expect(same(select(["src/*.ts"]))).toBe(false);
  expect(same(select(["top.ts"]))).toBe(true);
  expect(same(select(["src"], ["**/*.ts"]))).toBe(true);
});

test("a source that is not there is told, a pattern may fit nothing", async () => {
  const context = await manifest(files);
  expect(() => digestSelection(context, select(["nothing"]))).toThrow('"/nothing": not found');
  expect(digestSelection(context, select(["*.nothing"]))).toBeString();
});

test("links are left to who can follow them", async () => {
  const context = await manifest(files, { link: "src", "src/x": "a.ts" });
  expect(digestSelection(context, select(["link/a.ts"]))).toBeUndefined();
  expect(digestSelection(context, select(["link"]))).toBeUndefined();
  expect(digestSelection(context, select(["src"]))).toBeString();
});
