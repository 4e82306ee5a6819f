import { createHash } from "node:crypto";
import type { Digest } from "../../base/digest.ts";
import { IsleError, invalid } from "../../base/error.ts";
import { now } from "../../base/time.ts";
import type { ImageConfigFile, ImageIndex, ImageLayer, ImageRecord } from "../../core/image.ts";
import type { ChainId } from "../../core/snapshot.ts";
import type { ImageDeps } from "../deps.ts";
import { indexesWith } from "./image-index.ts";

export interface LayerBlob {
  readonly blob: Digest;
  readonly mediaType: string;
  readonly blobBytes: number;
}

export interface NewImage {
  /** The config file, byte for byte: its digest is the image's id. */
  readonly configBytes: Uint8Array;
  /** Stored layer blobs, bottom first, as many as the config has diff ids. */
  readonly layers: readonly LayerBlob[];
  readonly manifest?: ImageRecord["manifest"];
  readonly parent?: Digest;
  /** Full names to point at the image. */
  readonly names: readonly string[];
  /** What goes by those names, of which the image is a part. */
  readonly index?: ImageIndex | undefined;
  readonly onLayerProgress?: (layer: LayerBlob, bytes: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Unpacks the layers that are not here yet and records the image: the last step of load, import, commit, pull and
 * build. Call it, and the storing of the blobs before it, inside `additionsTo(images).run`. A name that pointed at
 * another image moves.
 */
export async function addImage(deps: ImageDeps, image: NewImage): Promise<ImageRecord> {
  const config = parseImageConfig(image.configBytes);
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== image.layers.length) {
    throw invalid(`the image's config names ${diffIds.length} layers, its manifest ${image.layers.length}`);
  }
  const layers = await applyLayers(deps, image, diffIds);
  const { digest: id } = await deps.content.ingest(once(image.configBytes));
  const known = deps.images.get(id);
  const record: ImageRecord = {
    id,
    config,
    layers,
    manifest: image.manifest ?? known?.manifest,
    sizeBytes: layers.reduce((sum, layer) => sum + layer.sizeBytes, 0),
    taggedAt: image.names.length > 0 ? now() : (known?.taggedAt ?? now()),
    parent: image.parent ?? known?.parent,
    ...indexesWith(known?.indexes, image.names, image.index),
  };
  deps.images.put(record, image.names);
  return record;
}

/** The config file as data. Fails with invalid when it is no image config, or one for another kind of root. */
export function parseImageConfig(bytes: Uint8Array): ImageConfigFile {
  let config: ImageConfigFile;
  try {
    config = JSON.parse(Buffer.from(bytes).toString("utf8")) as ImageConfigFile;
  } catch (cause) {
    throw invalid("the image's config is not JSON", { cause });
  }
  const diffIds = config?.rootfs?.diff_ids;
  if (!Array.isArray(diffIds) || diffIds.some((each) => !/^sha256:[a-f0-9]{64}$/.test(String(each)))) {
    throw invalid("the image's config has no list of layers", {
      hint: "images of the first manifest schema are refused",
    });
  }
  if (typeof config.os !== "string" || typeof config.architecture !== "string") {
    throw invalid("the image's config names no platform");
  }
  return config;
}

/** Chain ids of a stack of layers, bottom first. */
export function chainIds(diffIds: readonly Digest[]): ChainId[] {
  const chain: ChainId[] = [];
  for (const diffId of diffIds) chain.push(nextChainId(chain.at(-1), diffId));
  return chain;
}

/** The lowest layer's is its diff id, each later one hashes the chain so far and the next. */
export const nextChainId = (below: ChainId | undefined, diffId: Digest): ChainId =>
  below ? `sha256:${createHash("sha256").update(`${below} ${diffId}`).digest("hex")}` : diffId;

async function applyLayers(deps: ImageDeps, image: NewImage, diffIds: readonly Digest[]): Promise<ImageLayer[]> {
  const chain = chainIds(diffIds);
  const layers: ImageLayer[] = [];
  for (const [index, layer] of image.layers.entries()) {
    const chainId = chain[index]!;
    const diffId = diffIds[index]!;
    if (image.signal?.aborted) throw new IsleError("cancelled", "the work on the image was cancelled");
    const { sizeBytes } = await deps.snapshots.applyLayer({
      chainId,
      parent: chain[index - 1],
      diffId,
      blob: layer.blob,
      ...(image.onLayerProgress && { onProgress: (bytes: number) => image.onLayerProgress?.(layer, bytes) }),
      ...(image.signal && { signal: image.signal }),
    });
    layers.push({ ...layer, diffId, chainId, sizeBytes });
  }
  return layers;
}

export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield bytes;
}
