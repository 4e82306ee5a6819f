import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Digest } from "../base/digest.ts";
import { isCode } from "../base/error.ts";
import { readTar } from "../base/tar/read-tar.ts";
import type { ChainId, SnapshotStore } from "./snapshot.ts";

export interface SnapshotFixture {
  readonly store: SnapshotStore;
  /** Stores a layer blob with these files (path and content; undefined content is a whiteout). */
  storeLayer(files: ReadonlyArray<readonly [string, string | undefined]>): Promise<Digest>;
  close(): Promise<void>;
}

/** What every snapshot store promises; each driver's test runs it. Needs the right to mount. */
export function snapshotContract(name: string, open: () => SnapshotFixture): void {
  const withStore = async (work: (fixture: SnapshotFixture) => Promise<void>): Promise<void> => {
    const fixture = open();
    try {
      await work(fixture);
    } finally {
      for (const root of [...fixture.store.listRoots()]) await fixture.store.removeRoot(root);
      await fixture.close();
    }
  };

  describe(`layers of snapshot store ${name}`, () => layerTests(withStore));
  describe(`shared layers of snapshot store ${name}`, () => sharedTests(withStore));
  describe(`roots of snapshot store ${name}`, () => rootTests(withStore));
  describe(`changes in snapshot store ${name}`, () => changeTests(withStore));
}

type WithStore = (work: (fixture: SnapshotFixture) => Promise<void>) => Promise<void>;

function layerTests(withStore: WithStore): void {
  test("a layer appears once it is applied, and applying it again tells the same", () =>
    withStore(async ({ store, storeLayer }) => {
      const diffId = await storeLayer([["a", "hello"]]);
      const layer = { chainId: diffId, parent: undefined, diffId, blob: diffId };
      expect(store.hasLayer(diffId)).toBe(false);
      const usage = await store.applyLayer(layer);
      expect(usage.sizeBytes).toBe(5);
      expect(await store.applyLayer(layer)).toEqual(usage);
      expect([...store.listLayers()]).toEqual([diffId]);
      await store.removeLayer(diffId);
      expect(store.hasLayer(diffId)).toBe(false);
    }));

  test("a root shows its layers merged, later ones over earlier ones", () =>
    withStore(async (fixture) => {
      const layers = await apply(
        fixture,
        [
          ["a", "1"],
          ["b", "1"],
          ["c", "1"],
        ],
        [
          ["b", "2"],
          ["c", undefined],
        ],
      );
      fixture.store.prepare("root", layers);
      const merged = fixture.store.mount("root");
      expect([read(merged, "a"), read(merged, "b"), existsSync(join(merged, "c"))]).toEqual(["1", "2", false]);
      expect(fixture.store.layersInUse()).toEqual(new Set(layers));
    }));
}

function sharedTests(withStore: WithStore): void {
  const blobs = async ({ storeLayer }: SnapshotFixture): Promise<[Digest, Digest, Digest]> => [
    await storeLayer([["base", "1"]]),
    await storeLayer([["between", "1"]]),
    await storeLayer([["d/shared", "12345"]]),
  ];

  test("a layer that chains share lies in one place, and goes with the last of them", () =>
    withStore(async (fixture) => {
      const { store } = fixture;
      const [one, two, diffId] = await blobs(fixture);
      const [first, second] = [chainIdOf("a"), chainIdOf("b")];
      const shared = { diffId, blob: diffId, shared: true };
      await store.applyLayer({ ...shared, chainId: first, parent: one });
      const usage = await store.applyLayer({ ...shared, chainId: second, parent: two, blob: chainIdOf("no blob") });
      expect([usage.sizeBytes, store.placeOf(first) === store.placeOf(second)]).toEqual([5, true]);
      expect([...store.listLayers()].sort()).toEqual([first, second].sort());
      await store.removeLayer(first);
      expect([store.hasLayer(first), store.hasLayer(second)]).toEqual([false, true]);
      store.prepare("root", [second]);
      expect(read(store.mount("root"), "d/shared")).toBe("12345");
      await store.removeRoot("root");
      await store.removeLayer(second);
      const again = store.applyLayer({ ...shared, chainId: first, parent: one, blob: chainIdOf("no blob") });
      expect(await again.catch(() => "read again")).toBe("read again");
    }));

  test("a root shows a shared layer that is in its chain twice", () =>
    withStore(async (fixture) => {
      const { store } = fixture;
      const [base, between, diffId] = await blobs(fixture);
      await apply(fixture, [["base", "1"]], [["between", "1"]]);
      const [lower, upper] = [chainIdOf("a"), chainIdOf("b")];
      for (const chainId of [lower, upper]) {
        await store.applyLayer({ diffId, blob: diffId, shared: true, chainId, parent: base });
      }
      store.prepare("root", [base, lower, between, upper]);
      const merged = store.mount("root");
      expect([read(merged, "base"), read(merged, "between"), read(merged, "d/shared")]).toEqual(["1", "1", "12345"]);
      expect(await store.changes("root")).toEqual([]);
      store.prepare("above", [base, upper]);
      writeFileSync(join(store.mount("above"), "d/shared"), "changed");
      expect(await store.changes("above")).toEqual([
        { path: "/d", kind: "modified" },
        { path: "/d/shared", kind: "modified" },
      ]);
    }));

  test("what was written on nothing hides no files of the layers it is put on, and replaces what is in its way", () =>
    withStore(async (fixture) => {
      const { store } = fixture;
      const [base] = await apply(fixture, [
        ["d/below", "1"],
        ["way", "1"],
      ]);
      store.prepare("made", [], { bare: true });
      const alone = store.mount("made");
      expect(readdirSync(alone)).toEqual([]);
      mkdirSync(join(alone, "d/new"), { recursive: true });
      mkdirSync(join(alone, "way"));
      const [chainId, sharedAs] = [chainIdOf("a"), chainIdOf("diff")];
      await store.adoptRoot("made", { chainId, sharedAs, usage: { sizeBytes: 0, inodes: 3 } });
      store.prepare("root", [base!, chainId]);
      const merged = store.mount("root");
      expect([readdirSync(join(merged, "d")).sort(), readdirSync(join(merged, "way"))]).toEqual([["below", "new"], []]);
      const twin = chainIdOf("b");
      await store.applyLayer({ chainId: twin, parent: undefined, diffId: sharedAs, blob: sharedAs, shared: true });
      expect(store.placeOf(twin)).toBe(store.placeOf(chainId));
    }));
}

const chainIdOf = (text: string): ChainId => `sha256:${createHash("sha256").update(text).digest("hex")}`;

function rootTests(withStore: WithStore): void {
  test("two roots over one layer do not see each other's writes, and the layer stays as it is", () =>
    withStore(async (fixture) => {
      const layers = await apply(fixture, [["a", "1"]]);
      const [one, two] = ["one", "two"].map((id) => {
        fixture.store.prepare(id, layers);
        return fixture.store.mount(id);
      });
      writeFileSync(join(one!, "a"), "changed");
      expect(read(two!, "a")).toBe("1");
    }));

  test("mount and unmount may be repeated, and writes survive them", () =>
    withStore(async (fixture) => {
      const { store } = fixture;
      store.prepare("root", await apply(fixture, [["a", "1"]]));
      writeFileSync(join(store.mount("root"), "new"), "kept");
      expect(store.mount("root")).toBe(store.mount("root"));
      store.unmount("root");
      store.unmount("root");
      expect(read(store.mount("root"), "new")).toBe("kept");
    }));

  test("a removed root is gone with its mount, and removing it again is quiet", () =>
    withStore(async (fixture) => {
      const { store } = fixture;
      store.prepare("root", await apply(fixture, [["a", "1"]]));
      const merged = store.mount("root");
      writeFileSync(join(merged, "new"), "1");
      await store.removeRoot("root");
      expect([existsSync(merged), [...store.listRoots()]]).toEqual([false, []]);
      await store.removeRoot("root");
      expect(isCode(await store.changes("root").catch((error) => error), "notFound")).toBe(true);
    }));

  test(
    "a root over 120 layers can be mounted",
    () =>
      withStore(async (fixture) => {
        const files = Array.from({ length: 120 }, (_, index) => [[`f${index}`, String(index)] as const]);
        fixture.store.prepare("root", await apply(fixture, ...files));
        const merged = fixture.store.mount("root");
        expect(readdirSync(merged).filter((each) => each.startsWith("f"))).toHaveLength(120);
        expect(statSync(join(merged, "f119")).size).toBe(3);
      }),
    60_000,
  );
}

function changeTests(withStore: WithStore): void {
  test("changes lists what was added, modified and deleted, and the directories they are in", () =>
    withStore(async (fixture) => {
      const { store } = fixture;
      store.prepare(
        "root",
        await apply(fixture, [
          ["d/old", "1"],
          ["d/gone", "1"],
          ["e/x", "1"],
        ]),
      );
      expect(await store.changes("root")).toEqual([]);
      const merged = store.mount("root");
      writeFileSync(join(merged, "d/old"), "22");
      rmSync(join(merged, "d/gone"));
      rmSync(join(merged, "e"), { recursive: true });
      mkdirSync(join(merged, "e"));
      writeFileSync(join(merged, "new"), "1");
      expect(await store.changes("root")).toEqual([
        { path: "/d", kind: "modified" },
        { path: "/d/gone", kind: "deleted" },
        { path: "/d/old", kind: "modified" },
        { path: "/e", kind: "modified" },
        { path: "/e/x", kind: "deleted" },
        { path: "/new", kind: "added" },
      ]);
      expect((await store.usage("root")).sizeBytes).toBe(3);
    }));

  test("diff is a layer with whiteouts for what was deleted", () =>
    withStore(async (fixture) => {
      const { store } = fixture;
      store.prepare(
        "root",
        await apply(fixture, [
          ["gone", "1"],
          ["kept", "1"],
        ]),
      );
      const merged = store.mount("root");
      rmSync(join(merged, "gone"));
      writeFileSync(join(merged, "new"), "1");
      const names: string[] = [];
      for await (const { entry } of readTar(store.diff("root"))) names.push(Buffer.from(entry.name).toString());
      expect(names.sort()).toEqual([".wh.gone", "new"]);
    }));
}

const read = (root: string, path: string): string => readFileSync(join(root, path), "utf8");

/** Applies layers one over the other; the names of the chain are the diff ids, which is all the store needs. */
async function apply(
  { store, storeLayer }: SnapshotFixture,
  ...layers: ReadonlyArray<ReadonlyArray<readonly [string, string | undefined]>>
): Promise<ChainId[]> {
  const chain: ChainId[] = [];
  for (const files of layers) {
    const diffId = await storeLayer(files);
    await store.applyLayer({ chainId: diffId, parent: chain.at(-1), diffId, blob: diffId });
    chain.push(diffId);
  }
  return chain;
}
