import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeEntry, endOfArchive, padding } from "../../base/tar/encode.ts";
import { type TarEntryType, tarEntry } from "../../base/tar/entry.ts";
import { pack } from "./pack.ts";
import { unpack } from "./unpack.ts";

let top = "";
let target = "";

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), "isle-unpack-"));
  target = join(top, "target");
  mkdirSync(target);
});
afterEach(() => rmSync(top, { recursive: true, force: true }));

interface Member {
  readonly name: string;
  readonly type: TarEntryType;
  readonly text?: string;
  readonly link?: string;
}

async function* archive(...members: Member[]): AsyncGenerator<Uint8Array, void> {
  for (const { name, type, text = "", link = "" } of members) {
    const sizeBytes = Buffer.byteLength(text);
    yield encodeEntry(tarEntry(name, type, { sizeBytes, linkName: Buffer.from(link), mode: 0o640 }));
    if (sizeBytes > 0) yield Buffer.concat([Buffer.from(text), padding(sizeBytes)]);
  }
  yield endOfArchive();
}

const plan = () => ({ directory: target, rename: undefined });

test("what was packed comes out the same", async () => {
  const source = join(top, "source");
  mkdirSync(join(source, "sub"), { recursive: true });
  writeFileSync(join(source, "sub", "file"), "text", { mode: 0o600 });
  await unpack(pack(source, { name: "source", followLink: false }), plan());
  expect(readFileSync(join(target, "source/sub/file"), "utf8")).toBe("text");
  expect(statSync(join(target, "source/sub/file")).mode & 0o777).toBe(0o600);
});

test("an archive cannot write through a link it brought", async () => {
  const members = archive({ name: "out", type: "symlink", link: top }, { name: "out/evil", type: "file", text: "x" });
  await expect(unpack(members, plan())).rejects.toThrow("through a symbolic link");
  expect(existsSync(join(top, "evil"))).toBe(false);
});

test("an archive cannot name what is outside", async () => {
  await expect(unpack(archive({ name: "../evil", type: "file", text: "x" }), plan())).rejects.toThrow("outside");
  expect(existsSync(join(top, "evil"))).toBe(false);
});

test("a hard link to what is outside is refused", async () => {
  writeFileSync(join(top, "secret"), "s");
  await expect(unpack(archive({ name: "l", type: "hardLink", link: "../secret" }), plan())).rejects.toThrow("outside");
});

test("a link in the place of a file is replaced, not followed", async () => {
  writeFileSync(join(top, "victim"), "old");
  const members = archive(
    { name: "f", type: "symlink", link: join(top, "victim") },
    { name: "f", type: "file", text: "new" },
  );
  await unpack(members, plan());
  expect(readFileSync(join(top, "victim"), "utf8")).toBe("old");
  expect(readFileSync(join(target, "f"), "utf8")).toBe("new");
});

test("symbolic links keep their targets as they are", async () => {
  await unpack(archive({ name: "l", type: "symlink", link: "/nowhere" }), plan());
  expect(readlinkSync(join(target, "l"))).toBe("/nowhere");
});
