import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeEntry, endOfArchive, padding } from "../../base/tar/encode.ts";
import { type TarEntryType, tarEntry } from "../../base/tar/entry.ts";
import { writeTree } from "./write-tree.ts";

let top = "";
let target = "";
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), "isle-tree-"));
  target = join(top, "target");
  mkdirSync(join(top, "outside"), { mode: 0o700 });
  writeFileSync(join(top, "outside/victim"), "old");
});
afterEach(() => rmSync(top, { recursive: true, force: true }));

type Member = readonly [name: string | Uint8Array, type: TarEntryType, content?: string];

async function* archive(...members: Member[]): AsyncGenerator<Uint8Array, void> {
  for (const [name, type, content = ""] of members) {
    const isFile = type === "file";
    const sizeBytes = isFile ? Buffer.byteLength(content) : 0;
    const linkName = Buffer.from(isFile ? "" : content);
    yield encodeEntry(
      tarEntry(name, type, { sizeBytes, linkName, mode: 0o755, modifiedNanos: 1_000_000_123_456_000n }),
    );
    if (isFile) yield Buffer.concat([Buffer.from(content), padding(sizeBytes)]);
  }
  yield endOfArchive();
}

const untouched = (): void => {
  expect(readdirSync(join(top, "outside"))).toEqual(["victim"]);
  expect(readFileSync(join(top, "outside/victim"), "utf8")).toBe("old");
  expect(statSync(join(top, "outside")).mode & 0o777).toBe(0o700);
};

const hostile: ReadonlyArray<readonly [what: string, members: Member[]]> = [
  [
    "a file below a link of its own",
    [
      ["l", "symlink", "../outside"],
      ["l/victim", "file", "new"],
    ],
  ],
  [
    "a file in the place of a link of its own",
    [
      ["f", "symlink", "../outside/victim"],
      ["f", "file", "new"],
    ],
  ],
  [
    "a directory that becomes a link",
    [
      ["d", "directory"],
      ["d", "symlink", "../outside"],
    ],
  ],
  [
    "a directory with files that becomes a link",
    [
      ["d/x", "file", "x"],
      ["d", "symlink", "../outside"],
      ["d/victim", "file", "new"],
    ],
  ],
  [
    "links through links",
    [
      ["a", "symlink", "."],
      ["b", "symlink", "a/../../outside"],
      ["b/new", "file", "x"],
    ],
  ],
  [
    "a link to a directory, and attributes for it",
    [
      ["l", "symlink", "../outside"],
      ["l", "directory"],
    ],
  ],
];
for (const [what, members] of hostile) {
  test(`${what} changes nothing outside`, async () => {
    await writeTree(archive(...members), target);
    untouched();
  });
}

test("links that were there before are replaced, not followed", async () => {
  mkdirSync(target);
  symlinkSync("../outside", join(target, "d"));
  symlinkSync("../outside/victim", join(target, "f"));
  await writeTree(archive(["d", "directory"], ["d/victim", "file", "new"], ["f", "file", "new"]), target);
  untouched();
  expect(readFileSync(join(target, "d/victim"), "utf8")).toBe("new");
  expect(lstatSync(join(target, "f")).isFile()).toBe(true);
});

const refused: ReadonlyArray<readonly [what: string, members: Member[]]> = [
  ["a name that leads out", [["../outside/new", "file", "x"]]],
  ["a hard link to a file outside", [["h", "hardLink", "../outside/victim"]]],
  [
    "a hard link through a link",
    [
      ["l", "symlink", "../outside"],
      ["h", "hardLink", "l/victim"],
    ],
  ],
  [
    "a hard link to a link",
    [
      ["l", "symlink", "../outside/victim"],
      ["h", "hardLink", "l"],
    ],
  ],
];
for (const [what, members] of refused) {
  test(`${what} is refused`, async () => {
    await expect(writeTree(archive(...members), target)).rejects.toThrow();
    untouched();
    expect(existsSync(join(target, "h"))).toBe(false);
  });
}

test("files get their modes and times, devices are told of and left out", async () => {
  const leftOut = await writeTree(archive(["d", "directory"], ["d/f", "file", "x"], ["null", "charDevice"]), target);
  expect(leftOut).toEqual(["null"]);
  expect(readdirSync(target)).toEqual(["d"]);
  for (const path of ["d", "d/f"]) {
    const { mode, mtimeMs } = statSync(join(target, path));
    expect([mode & 0o777, Math.round(mtimeMs)]).toEqual([0o755, 1_000_000_123]);
  }
});

test("names that are no UTF-8 stay apart", async () => {
  const [one, two] = [Buffer.from([0x61, 0xe9]), Buffer.from([0x61, 0xfc])];
  const below = Buffer.concat([one, Buffer.from("/ü")]);
  await writeTree(archive([one, "directory"], [below, "file", "1"], [two, "file", "2"]), target);
  // Once more, over what is there.
  await writeTree(archive([one, "file", "3"], [two, "directory"]), target);
  const found = (readdirSync(target, { encoding: "buffer" }) as Buffer[]).sort(Buffer.compare);
  expect(found).toEqual([one, two]);
  expect(readFileSync(Buffer.concat([Buffer.from(`${target}/`), one]), "utf8")).toBe("3");
});
