import { expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { snapshotContract } from "../../src/core/snapshot.contract.ts";
import { createFilesContent } from "../../src/drivers/content/files/files-content.ts";
import { createOverlaySnapshots } from "../../src/drivers/snapshot/overlay/overlay-snapshots.ts";
import { archiveOf } from "./archive-corpus.ts";

snapshotContract("overlay", () => {
  const directory = mkdtempSync(join(tmpdir(), "isle-overlay-"));
  const content = createFilesContent(directory);
  return {
    store: createOverlaySnapshots({ directory, content }),
    storeLayer: async (files) => {
      const entries = files.map(([path, body]) =>
        body === undefined ? { name: path.replace(/([^/]+)$/, ".wh.$1") } : { name: path, body },
      );
      const archive = (async function* () {
        yield archiveOf(...entries);
      })();
      return (await content.ingest(archive)).digest;
    },
    close: async () => rmSync(directory, { recursive: true }),
  };
});

test("shared files that no chain has after a crash are swept, and those that one has stay", async () => {
  const directory = mkdtempSync(join(tmpdir(), "isle-overlay-"));
  try {
    const content = createFilesContent(directory);
    const store = createOverlaySnapshots({ directory, content });
    const { digest: diffId } = await content.ingest(
      (async function* () {
        yield archiveOf({ name: "f", body: "1" });
      })(),
    );
    const chainId = `sha256:${"a".repeat(64)}` as const;
    await store.applyLayer({ chainId, parent: undefined, diffId, blob: diffId, shared: true });
    const orphan = join(directory, "shared", "b".repeat(64));
    mkdirSync(join(orphan, "fs"), { recursive: true });
    writeFileSync(join(orphan, "usage.json"), "{}");
    const again = createOverlaySnapshots({ directory, content });
    await again.sweep();
    expect([existsSync(orphan), again.hasLayer(chainId)]).toEqual([false, true]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
