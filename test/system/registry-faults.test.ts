import { afterAll, beforeAll, expect, test } from "bun:test";
import { isCode } from "../../src/base/error.ts";
import { pullImage } from "../../src/engine/image/pull-image.ts";
import { startCutter } from "../support/cutter.ts";
import { failureOf, pushTestImage, recordLines, withImageEngine } from "../support/image-engine.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry.close());

test("two pulls of one image at once download each layer once", () =>
  withImageEngine(async (engine) => {
    await pushTestImage(engine, `${registry.host}/shared`, [4_000_000, 4_000_000]);
    const cutter = await startCutter(registry.host);
    await withImageEngine(async (other) => {
      const pull = () => pullImage(other, { name: `${cutter.host}/shared`, tag: "latest", report: () => {} });
      await Promise.all([pull(), pull()]);
      const blobs = cutter.requests.filter((line) => line.includes("/blobs/"));
      expect(new Set(blobs).size).toBe(3);
      expect(blobs).toHaveLength(3);
    }).finally(() => cutter.close());
  }));

test("a download whose connection breaks goes on where it stopped", () =>
  withImageEngine(async (engine) => {
    const { image } = await pushTestImage(engine, `${registry.host}/resume`, [5_000_000]);
    const cutter = await startCutter(registry.host, { cutAfterBytes: 2_000_000, cuts: 1 });
    await withImageEngine(async (other) => {
      const progress = recordLines();
      await pullImage(other, { name: `${cutter.host}/resume`, tag: "latest", report: progress.report });
      expect(other.images.get(image.id)).toBeDefined();
      expect(progress.statuses().some((status) => status.startsWith("Retrying in"))).toBe(true);
      expect(cutter.ranges.filter((range) => range !== undefined)).toHaveLength(1);
    }).finally(() => cutter.close());
  }));

test("a connection that always breaks fails after a bounded number of attempts and leaves nothing", () =>
  withImageEngine(async (engine) => {
    await pushTestImage(engine, `${registry.host}/broken`, [500_000]);
    const cutter = await startCutter(registry.host, { cutAfterBytes: 10_000, cuts: 1000 });
    await withImageEngine(async (other) => {
      const error = await failureOf(
        pullImage(other, { name: `${cutter.host}/broken`, tag: "latest", report: () => {} }),
      );
      expect(isCode(error, "unavailable")).toBe(true);
      expect(cutter.requests.filter((line) => line.includes("/blobs/")).length).toBeLessThan(12);
      expect(other.images.list()).toHaveLength(0);
      expect([...other.content.list()]).toHaveLength(0);
    }).finally(() => cutter.close());
  }));

test("a blob with a changed byte is refused, and nothing of the image stays", () =>
  withImageEngine(async (engine) => {
    await pushTestImage(engine, `${registry.host}/changed`, [200_000]);
    const cutter = await startCutter(registry.host, { flipByteAt: 150_000 });
    await withImageEngine(async (other) => {
      const error = await failureOf(
        pullImage(other, { name: `${cutter.host}/changed`, tag: "latest", report: () => {} }),
      );
      expect(isCode(error, "dataLoss")).toBe(true);
      expect(other.images.list()).toHaveLength(0);
      expect([...other.content.list()]).toHaveLength(0);
      expect([...other.snapshots.listLayers()]).toHaveLength(0);
    }).finally(() => cutter.close());
  }));

test("a pull whose client vanished stops and leaves nothing", () =>
  withImageEngine(async (engine) => {
    await pushTestImage(engine, `${registry.host}/cancelled`, [3_000_000, 3_000_000]);
    const cutter = await startCutter(registry.host, { stallAfterBytes: 1_000_000 });
    await withImageEngine(async (other) => {
      const client = new AbortController();
      const error = await failureOf(
        pullImage(other, {
          name: `${cutter.host}/cancelled`,
          tag: "latest",
          signal: client.signal,
          report: ({ progressDetail }) => {
            if ((progressDetail?.current ?? 0) > 0) client.abort();
          },
        }),
      );
      expect(isCode(error, "cancelled")).toBe(true);
      expect(other.images.list()).toHaveLength(0);
      expect([...other.content.list()]).toHaveLength(0);
    }).finally(() => cutter.close());
  }));
