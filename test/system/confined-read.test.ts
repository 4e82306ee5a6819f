import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readTar } from "../../src/base/tar/read-tar.ts";
import { readConfined } from "../../src/os/confined/confined.ts";

test("an archive that is read late is whole, though who wrote it has ended", async () => {
  const directory = mkdtempSync(join(tmpdir(), "isle-read-"));
  writeFileSync(join(directory, "file"), "content");
  const copy = { sources: ["/"], excludes: [], target: "/", into: true, parents: false };
  const { done, tar } = readConfined({ op: "packCopy", root: { path: directory }, copy });
  await done;
  // What happens after an exit has happened.
  await new Promise((resolve) => setImmediate(resolve));
  const names: string[] = [];
  for await (const { entry } of readTar(tar)) names.push(entry.name.toString());
  rmSync(directory, { recursive: true });
  expect(names.map((name) => name.replace(/^[./]+/, ""))).toContain("file");
});
