import { afterEach, beforeEach, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { isCode } from "../../src/base/error.ts";
import { silentLogger } from "../../src/base/log.ts";
import { createFilesContent } from "../../src/drivers/content/files/files-content.ts";
import { createErofsDisks } from "../../src/drivers/image-disk/erofs/erofs-disks.ts";
import { createOverlaySnapshots } from "../../src/drivers/snapshot/overlay/overlay-snapshots.ts";
import { openDatabase } from "../../src/drivers/state/sqlite/database.ts";
import { createBuildCache, documentMigrations } from "../../src/drivers/state/sqlite/documents.ts";
import { createImageRepository, imageMigrations } from "../../src/drivers/state/sqlite/image-repository.ts";
import type { ImageDeps, ImageUser } from "../../src/engine/deps.ts";
import { commitImage } from "../../src/engine/image/commit-image.ts";
import { imageHistory } from "../../src/engine/image/image-history.ts";
import { importImage } from "../../src/engine/image/import-image.ts";
import { listImages } from "../../src/engine/image/list-images.ts";
import { loadImages } from "../../src/engine/image/load-images.ts";
import { pruneImages } from "../../src/engine/image/prune-images.ts";
import { removeImage } from "../../src/engine/image/remove-image.ts";
import { saveImages } from "../../src/engine/image/save-images.ts";
import { tagImage } from "../../src/engine/image/tag-image.ts";
import { decompressWithProgram } from "../../src/os/decompress.ts";
import { archiveOf } from "./archive-corpus.ts";

let directory: string;
let deps: ImageDeps;
let users: ImageUser[];
let actions: string[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "isle-images-"));
  deps = openDeps();
});

afterEach(async () => {
  for (const root of deps.snapshots.listRoots()) await deps.snapshots.removeRoot(root);
  rmSync(directory, { recursive: true });
});

function openDeps(): ImageDeps {
  users = [];
  actions = [];
  const content = createFilesContent(directory);
  const db = openDatabase(join(directory, "isle.db"), [...imageMigrations, ...documentMigrations]);
  const snapshots = createOverlaySnapshots({ directory, content });
  return {
    content,
    snapshots,
    imageDisks: createErofsDisks({ directory: join(directory, "erofs"), snapshots }),
    images: createImageRepository(db),
    buildCache: createBuildCache(db),
    registry: { repository: unused, login: unused },
    decompress: decompressWithProgram,
    events: { publish: ({ action }) => actions.push(action), subscribe: () => () => {}, recent: () => [] },
    log: silentLogger,
    imageUsers: () => users,
  };
}

const unused = (): never => {
  throw new Error("no registry is asked here");
};

const importOf = (name: string, body: string) =>
  importImage(deps, {
    source: Readable.from([archiveOf({ name: "file", body })]),
    names: [`docker.io/library/${name}`],
    changes: ['CMD ["run"]', "LABEL made=here"],
    message: "test",
  });

const stored = (): string[] => [
  ...readdirSync(join(directory, "blobs/sha256")),
  ...readdirSync(join(directory, "layers")),
  ...readdirSync(join(directory, "ingest")),
  ...readdirSync(join(directory, "incoming")),
];

async function bytesOf(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test("saved images load again with their names, ids and content, compressed or not", async () => {
  const one = await importOf("one:1", "first");
  const two = await importOf("two:2", "second");
  const archive = await bytesOf(saveImages(deps, ["one:1", "two:2"]));
  for (const packed of [archive, gzipSync(archive)]) {
    await removeImage(deps, "one:1");
    await removeImage(deps, "two:2");
    expect(stored()).toEqual([]);
    const loaded = await loadImages(deps, { source: Readable.from([packed]), onProgress: () => {} });
    expect(loaded.map(({ id }) => id)).toEqual([one.id, two.id]);
    expect(deps.images.resolveName("docker.io/library/two:2")).toBe(two.id);
  }
});

test("an archive that breaks off leaves the store as it was", async () => {
  await importOf("one:1", "first");
  const archive = await bytesOf(saveImages(deps, ["one:1"]));
  await removeImage(deps, "one:1");
  for (const length of [300, 2000, archive.length - 2600]) {
    const load = loadImages(deps, { source: Readable.from([archive.subarray(0, length)]), onProgress: () => {} });
    expect(isCode(await load.catch((error) => error), "invalid")).toBe(true);
    expect(stored()).toEqual([]);
  }
});

test("a blob that changed on disk is not saved silently", async () => {
  const image = await importOf("one:1", "first");
  appendFileSync(deps.content.path(image.layers[0]!.blob), "x");
  expect(isCode(await bytesOf(saveImages(deps, ["one:1"])).catch((error) => error), "dataLoss")).toBe(true);
});

test("images and names are there after the database is opened again", async () => {
  const image = await importOf("one:1", "first");
  tagImage(deps, "one:1", { repo: "other/name", tag: "x" });
  deps = openDeps();
  expect(deps.images.get(image.id)).toMatchObject({ id: image.id, parent: undefined, manifest: undefined });
  expect(deps.images.namesOf(image.id)).toEqual(["docker.io/library/one:1", "docker.io/other/name:x"]);
});

test("a layer two images share stays until the last of them is removed", async () => {
  const base = await importOf("base:1", "first");
  deps.snapshots.prepare(
    "root",
    base.layers.map(({ chainId }) => chainId),
  );
  writeFileSync(join(deps.snapshots.mount("root"), "added"), "more");
  const request = { rootId: "root", parent: base, config: base.config.config!, createdBy: "sh", author: "me" };
  const names = ["docker.io/library/child:1"];
  const child = await commitImage(deps, { ...request, comment: "", changes: ["ENV a=b"], names });
  expect(child.config.config).toMatchObject({ Cmd: ["run"], Env: ["a=b"], Labels: { made: "here" } });
  expect(imageHistory(deps, "child:1").map(({ sizeBytes }) => sizeBytes)).toEqual([4, 5]);
  const refused = await removeImage(deps, base.id).catch((error) => error);
  expect(refused.message).toContain("image has dependent child images");
  await deps.snapshots.removeRoot("root");
  await removeImage(deps, "child:1");
  expect(deps.snapshots.hasLayer(base.layers[0]!.chainId)).toBe(true);
  await removeImage(deps, "base:1");
  expect(stored()).toEqual([]);
});

test("an image is deleted with its last name, and a used one only by force", async () => {
  const image = await importOf("one:1", "first");
  tagImage(deps, "one:1", { repo: "two" });
  expect((await removeImage(deps, image.id).catch((e) => e)).message).toContain("referenced in multiple repositories");
  expect(await removeImage(deps, "two")).toEqual([{ untagged: "two:latest" }]);
  users = [{ instanceId: "abcdef0123456789", running: false }];
  expect((await removeImage(deps, "one:1").catch((e) => e)).message).toContain("container abcdef012345 is using");
  const removals = await removeImage(deps, "one:1", { force: true });
  expect(removals.slice(0, 2)).toEqual([{ untagged: "one:1" }, { deleted: image.id }]);
  expect(actions).toEqual(["import", "tag", "tag", "untag", "untag", "delete"]);
});

test("prune takes untagged images, and all unused ones when asked", async () => {
  await importOf("one:1", "first");
  await importOf("one:1", "second");
  const list = () => listImages(deps, { all: true }).map(({ tags }) => tags);
  expect(list()).toHaveLength(2);
  expect((await pruneImages(deps, new Map())).freedBytes).toBe(5);
  expect(list()).toEqual([["one:1"]]);
  await pruneImages(deps, new Map([["dangling", ["false"]]]));
  expect(stored()).toEqual([]);
});

test("list filters by label, reference and time", async () => {
  await importOf("one:1", "first");
  await importOf("two:1", "second");
  const names = (name: string, value: string) =>
    listImages(deps, { filters: new Map([[name, [value]]]) }).flatMap(({ tags }) => tags);
  expect(names("reference", "o*")).toEqual(["one:1"]);
  expect(names("since", "one:1")).toEqual(["two:1"]);
  expect(names("before", "two:1")).toEqual(["one:1"]);
  expect(names("label", "made=here")).toHaveLength(2);
  expect(names("label", "made=there")).toEqual([]);
});
