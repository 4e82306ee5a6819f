import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { silentLogger } from "../../src/base/log.ts";
import { encodeEntry, endOfArchive, padding } from "../../src/base/tar/encode.ts";
import { tarEntry } from "../../src/base/tar/entry.ts";
import type { ImageRecord } from "../../src/core/image.ts";
import { createPackagesBootstrap } from "../../src/drivers/bootstrap/packages/packages-bootstrap.ts";
import { createFilesContent } from "../../src/drivers/content/files/files-content.ts";
import { createMemoryEvents } from "../../src/drivers/event/memory/memory-events.ts";
import { createErofsDisks } from "../../src/drivers/image-disk/erofs/erofs-disks.ts";
import { createDistributionRegistry } from "../../src/drivers/registry/distribution/distribution-registry.ts";
import type { DistributionOptions } from "../../src/drivers/registry/distribution/options.ts";
import { createOverlaySnapshots } from "../../src/drivers/snapshot/overlay/overlay-snapshots.ts";
import { openDatabase } from "../../src/drivers/state/sqlite/database.ts";
import { createBuildCache, documentMigrations } from "../../src/drivers/state/sqlite/documents.ts";
import { createImageRepository, imageMigrations } from "../../src/drivers/state/sqlite/image-repository.ts";
import { addImage } from "../../src/engine/image/add-image.ts";
import type { BootstrapDeps } from "../../src/engine/image/bootstrap-image.ts";
import { pushImage } from "../../src/engine/image/push-image.ts";
import { createTransfers, type TransferDeps, type TransferLine } from "../../src/engine/image/transfers.ts";
import { decompressWithProgram } from "../../src/os/decompress.ts";

export interface ImageEngine extends TransferDeps, BootstrapDeps {
  close(): void;
}

/** The image half of the engine with the real drivers, on a root of its own. */
export function openImageEngine(options: DistributionOptions = {}): ImageEngine {
  const directory = mkdtempSync(join(tmpdir(), "isle-images-"));
  const content = createFilesContent(join(directory, "content"));
  const registry = createDistributionRegistry({ certsDirs: [], retryDelayMs: 5, ...options });
  const db = openDatabase(join(directory, "isle.db"), [...imageMigrations, ...documentMigrations]);
  const snapshots = createOverlaySnapshots({ directory: join(directory, "snapshots"), content });
  return {
    content,
    registry,
    snapshots,
    imageDisks: createErofsDisks({ directory: join(directory, "erofs"), snapshots }),
    images: createImageRepository(db),
    buildCache: createBuildCache(db),
    decompress: decompressWithProgram,
    events: createMemoryEvents(),
    log: silentLogger,
    imageUsers: () => [],
    transfers: createTransfers({ retryDelayMs: 5 }),
    baseSystems: createPackagesBootstrap(),
    close() {
      registry.close();
      db.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Adds an image with one plain layer for each size; a layer holds one file of that many random bytes. */
export async function addTestImage(engine: ImageEngine, name: string, sizes: readonly number[]): Promise<ImageRecord> {
  const layers = [];
  for (const [index, size] of sizes.entries()) {
    const { digest, sizeBytes } = await engine.content.ingest(
      Readable.from([fileTar(`file-${index}`, randomBytes(size))]),
    );
    layers.push({ blob: digest, mediaType: "application/vnd.oci.image.layer.v1.tar", blobBytes: sizeBytes });
  }
  const config = {
    architecture: "amd64",
    os: "linux",
    created: "2026-01-02T03:04:05Z",
    config: { Cmd: ["sh"] },
    rootfs: { type: "layers", diff_ids: layers.map(({ blob }) => blob) },
  };
  return addImage(engine, { configBytes: Buffer.from(JSON.stringify(config)), layers, names: [name] });
}

/** A tar of one file. */
export function fileTar(name: string, body: Uint8Array): Buffer {
  const head = encodeEntry(tarEntry(name, "file", { sizeBytes: body.length }));
  return Buffer.concat([head, body, padding(body.length), endOfArchive()]);
}

/** Runs `work` on an engine of its own. */
export async function withImageEngine(
  work: (engine: ImageEngine) => Promise<void>,
  options: DistributionOptions = {},
): Promise<void> {
  const engine = openImageEngine(options);
  try {
    await work(engine);
  } finally {
    engine.close();
  }
}

/** Adds an image and pushes it; the name is `HOST/PATH`, the tag `latest`. */
export async function pushTestImage(engine: ImageEngine, name: string, sizes: readonly number[]) {
  const image = await addTestImage(engine, `${name}:latest`, sizes);
  const progress = recordLines();
  await pushImage(engine, { name, tag: "latest", report: progress.report });
  return { image, progress };
}

/** Collects progress lines. */
export function recordLines() {
  const lines: TransferLine[] = [];
  return {
    lines,
    report: (line: TransferLine) => void lines.push(line),
    statuses: () => lines.map(({ status }) => status ?? ""),
    aux: () => lines.find(({ aux }) => aux)?.aux as { Tag: string; Digest: string; Size: number },
  };
}

/** What the work failed with, undefined when it did not. */
export const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );
