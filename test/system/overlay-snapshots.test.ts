import { mkdtempSync, rmSync } from "node:fs";
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
