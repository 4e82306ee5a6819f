import type { Readable } from "node:stream";
import { shortId } from "../../base/id.ts";
import type { Platform } from "../../base/platform.ts";
import { familiarReference, parseReference } from "../../base/reference.ts";
import type { ImageRecord } from "../../core/image.ts";
import type { ImageDeps } from "../deps.ts";
import { addImage, type LayerBlob } from "./add-image.ts";
import { additionsTo } from "./additions.ts";
import { readArchiveFiles } from "./archive-files.ts";
import { type ArchiveImage, archiveImages } from "./archive-images.ts";
import { collectUnused } from "./collect.ts";
import { decompressed } from "./decompress.ts";
import { publishImageEvent } from "./image-events.ts";

export type LoadProgress =
  | { readonly kind: "layer"; readonly id: string; readonly current: number; readonly total: number }
  | { readonly kind: "renamed"; readonly name: string; readonly oldId: string }
  | { readonly kind: "loaded"; readonly name: string | undefined; readonly id: string };

export interface LoadRequest {
  /** docker-archive or OCI layout as tar; plain, or compressed with gzip, zstd, xz or bzip2. */
  readonly source: Readable;
  readonly platform?: Platform | undefined;
  readonly onProgress: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal;
}

/** Adds every image of an archive. Fails with invalid for a broken archive; then nothing of it stays. */
export async function loadImages(deps: ImageDeps, request: LoadRequest): Promise<ImageRecord[]> {
  try {
    return await additionsTo(deps.images).run(async () => {
      const files = await readArchiveFiles(deps.content, decompressed(deps, request.source));
      const found = await archiveImages(deps.content, files, request.platform);
      const loaded: ImageRecord[] = [];
      for (const image of found) loaded.push(await loadOne(deps, image, request));
      return loaded;
    });
  } finally {
    // Archives carry blobs that no record names, such as an index or another platform's layers.
    await collectUnused(deps);
  }
}

async function loadOne(
  deps: ImageDeps,
  image: ArchiveImage,
  { onProgress, signal }: LoadRequest,
): Promise<ImageRecord> {
  const moved = image.names.map((name) => ({ name, oldId: deps.images.resolveName(name) }));
  const record = await addImage(deps, {
    ...image,
    onLayerProgress: (layer: LayerBlob, bytes: number) =>
      onProgress({ kind: "layer", id: shortId(layer.blob), current: bytes, total: layer.blobBytes }),
    ...(signal && { signal }),
  });
  for (const { name, oldId } of moved) {
    if (oldId && oldId !== record.id) onProgress({ kind: "renamed", name: shown(name), oldId });
    onProgress({ kind: "loaded", name: shown(name), id: record.id });
    publishImageEvent(deps, "load", { id: record.id, image: record, name: shown(name) });
  }
  if (image.names.length === 0) {
    onProgress({ kind: "loaded", name: undefined, id: record.id });
    publishImageEvent(deps, "load", { id: record.id, image: record, name: record.id });
  }
  return record;
}

const shown = (name: string): string => familiarReference(parseReference(name));
