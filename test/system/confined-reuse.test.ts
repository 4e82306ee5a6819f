import { afterAll, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { ConfinedChild } from "../../src/os/confined/child.ts";
import { feedConfined, readConfined, runConfined } from "../../src/os/confined/confined.ts";

const directory = mkdtempSync(join(tmpdir(), "isle-reuse-"));
afterAll(() => rmSync(directory, { recursive: true }));

function makeTree(name: string): string {
  const path = join(directory, name);
  mkdirSync(path);
  writeFileSync(join(path, "file"), `content of ${name}`);
  symlinkSync(directory, join(path, "outside"));
  return path;
}

test("a child does one request after the other, each in a root of its own", async () => {
  const [one, two] = [makeTree("one"), makeTree("two")];
  const child = new ConfinedChild();
  const read = (path: string) =>
    child.perform({ op: "readFile", root: { path }, path: "/file", maxBytes: 1000 }).done as Promise<string>;
  expect(Buffer.from(await read(one), "base64").toString()).toBe("content of one");
  expect(Buffer.from(await read(two), "base64").toString()).toBe("content of two");
  // The link leads to a path that the root does not hold.
  const outside = child.perform({ op: "stat", root: { path: one }, path: "/outside/two/file" }).done;
  expect(await outside.catch((error: Error) => error.message)).toContain("/outside/two/file");
  // One that failed is not asked again.
  expect(child.isAlive).toBe(false);
});

test("archives go from tree to tree over children that have done others before", async () => {
  const copy = { sources: ["file"], excludes: [], target: "/", into: true, parents: false };
  for (const round of [1, 2, 3]) {
    const [from, to] = [makeTree(`from-${round}`), join(directory, `to-${round}`)];
    writeFileSync(join(from, "file"), Buffer.alloc(3 << 20, round));
    mkdirSync(to);
    const { tar } = readConfined({ op: "packCopy", root: { path: from }, copy });
    await feedConfined({ op: "extract", root: { path: to }, path: "/" }, tar);
    expect(readFileSync(join(to, "file")).equals(Buffer.alloc(3 << 20, round))).toBe(true);
  }
});

test("a child that unpacked a compressed layer still waits for who reads its archives slowly", async () => {
  const [from, to, blob] = [makeTree("slow"), join(directory, "layer"), join(directory, "layer.tar.gz")];
  writeFileSync(join(from, "file"), Buffer.alloc(8 << 20, 1));
  mkdirSync(to);
  execFileSync("tar", ["-czf", blob, "-C", from, "file"]);
  const child = new ConfinedChild();
  await child.perform({ op: "unpackLayer", blob, target: to }).done;
  const copy = { sources: ["file"], excludes: [], target: "/", into: true, parents: false };
  const { done } = child.perform({ op: "packCopy", root: { path: to }, copy });
  let bytes = 0;
  for await (const chunk of child.archive()) {
    bytes += chunk.length;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await done;
  child.kill();
  expect(bytes).toBeGreaterThan(8 << 20);
});

test("a source that breaks off fails the request, and the next one is right", async () => {
  const to = join(directory, "broken");
  mkdirSync(to);
  const source = Readable.from(
    (async function* () {
      yield Buffer.alloc(512);
      throw new Error("the client is gone");
    })(),
  );
  const request = { op: "extract", root: { path: to }, path: "/" } as const;
  expect(await feedConfined(request, source).catch((error: Error) => error.message)).toBe("the client is gone");
  expect(await runConfined({ op: "usage", target: makeTree("after") })).toMatchObject({ inodes: 2 });
});

test("an archive that nobody reads any longer does not hold the next request up", async () => {
  const from = makeTree("large");
  writeFileSync(join(from, "file"), Buffer.alloc(8 << 20));
  const copy = { sources: ["file"], excludes: [], target: "/", into: true, parents: false };
  const { tar } = readConfined({ op: "packCopy", root: { path: from }, copy });
  await new Promise((resolve) => tar.once("readable", resolve));
  tar.destroy();
  expect(await runConfined({ op: "usage", target: from })).toMatchObject({ inodes: 2 });
});
