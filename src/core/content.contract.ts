import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { isCode } from "../base/error.ts";
import type { ContentStore } from "./content.ts";

export interface ContentFixture {
  readonly store: ContentStore;
  /** Changes a stored blob behind the store's back. */
  damage(path: string): void;
  close(): void;
}

/** What every content store promises; each driver's test runs it. */
export function contentContract(name: string, open: () => ContentFixture): void {
  const withStore = async (work: (fixture: ContentFixture) => Promise<void>): Promise<void> => {
    const fixture = open();
    try {
      await work(fixture);
    } finally {
      fixture.close();
    }
  };
  const digestOf = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}` as const;
  const hello = Buffer.from("hello");

  describe(`content store: ${name}`, () => {
    test("a stored blob is found by its digest and reads back whole", () =>
      withStore(async ({ store }) => {
        const blob = await store.ingest(chunks("hel", "lo"));
        expect(blob).toEqual({ digest: digestOf(hello), sizeBytes: 5 });
        expect(store.size(blob.digest)).toBe(5);
        expect(Buffer.from(await store.read(blob.digest)).toString()).toBe("hello");
        expect([...store.list()]).toEqual([blob]);
      }));

    test("a stream with another digest than expected is refused and leaves nothing", () =>
      withStore(async ({ store }) => {
        const refused = store.ingest(chunks("evil"), { digest: digestOf(hello) });
        expect(isCode(await refused.catch((error) => error), "dataLoss")).toBe(true);
        expect([...store.list()]).toEqual([]);
      }));

    test("a stream longer or shorter than expected is refused", () =>
      withStore(async ({ store }) => {
        for (const sizeBytes of [4, 6]) {
          const refused = store.ingest(chunks("hello"), { sizeBytes });
          expect(isCode(await refused.catch((error) => error), "dataLoss")).toBe(true);
        }
        expect([...store.list()]).toEqual([]);
      }));

    test("a stream that breaks leaves nothing and fails with its own error", () =>
      withStore(async ({ store }) => {
        async function* broken(): AsyncGenerator<Uint8Array> {
          yield hello;
          throw new Error("the line went dead");
        }
        await expect(store.ingest(broken())).rejects.toThrow("the line went dead");
        expect([...store.list()]).toEqual([]);
      }));

    test("two writers of one blob both succeed and one blob remains", () =>
      withStore(async ({ store }) => {
        const [one, two] = await Promise.all([store.ingest(chunks("hello")), store.ingest(chunks("hello"))]);
        expect(one).toEqual(two!);
        expect([...store.list()]).toHaveLength(1);
      }));

    test("a blob that changed on disk is not read", () =>
      withStore(async ({ store, damage }) => {
        const { digest } = await store.ingest(chunks("hello"));
        damage(store.path(digest));
        expect(isCode(await store.read(digest).catch((error) => error), "dataLoss")).toBe(true);
      }));

    test("a blob that is not here is notFound, and its removal is quiet", () =>
      withStore(async ({ store }) => {
        const digest = digestOf(hello);
        expect(store.size(digest)).toBeUndefined();
        expect(isCode(await store.read(digest).catch((error) => error), "notFound")).toBe(true);
        expect(() => store.path(digest)).toThrow("no blob");
        store.remove(digest);
      }));
  });
}

async function* chunks(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}
