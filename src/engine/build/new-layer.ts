import { now } from "../../base/time.ts";
import type { BuildCacheRecord } from "../../core/build-cache.ts";
import type { ImageLayer } from "../../core/image.ts";
import { nextChainId } from "../image/add-image.ts";
import { plainLayerType } from "../image/import-image.ts";
import type { BuildDeps } from "./deps.ts";

/** Makes a layer of what a root changed. The root is gone afterwards. */
export async function layerOfRoot(
  deps: BuildDeps,
  rootId: string,
  { below, epoch }: { below: readonly ImageLayer[]; epoch: number | undefined },
): Promise<ImageLayer> {
  deps.snapshots.unmount(rootId);
  const latestNanos = epoch === undefined ? undefined : BigInt(epoch) * 1_000_000_000n;
  const blob = await deps.content.ingest(deps.snapshots.diff(rootId, { latestNanos }));
  const parent = below.at(-1)?.chainId;
  const chainId = nextChainId(parent, blob.digest);
  const stored = {
    blob: blob.digest,
    mediaType: plainLayerType,
    blobBytes: blob.sizeBytes,
    diffId: blob.digest,
    chainId,
  };
  if (epoch === undefined) return { ...stored, sizeBytes: (await deps.snapshots.adoptRoot(rootId, chainId)).sizeBytes };
  // Its times were changed on the way into the archive, so that the directory is made from that.
  const { sizeBytes } = await deps.snapshots.applyLayer({ chainId, parent, diffId: blob.digest, blob: blob.digest });
  await deps.snapshots.removeRoot(rootId);
  return { ...stored, sizeBytes };
}

/** A step's layer, from the cache or made now. */
export interface StepLayer {
  readonly layer: ImageLayer;
  readonly createdAt: string;
  readonly cached: boolean;
}

/** The layer of an earlier build of the same step while all of it is here; else the one that `make` makes, remembered. */
export async function stepLayer(
  deps: BuildDeps,
  {
    key,
    description,
    parent,
    ignoresCache,
  }: Pick<BuildCacheRecord, "key" | "description" | "parent"> & { ignoresCache: boolean },
  make: () => Promise<ImageLayer>,
): Promise<StepLayer> {
  const known = ignoresCache ? undefined : deps.buildCache.get(key);
  if (known && isHere(deps, known)) {
    deps.buildCache.put({ ...known, usedAt: now(), uses: known.uses + 1 });
    return { layer: known.layer, createdAt: known.createdAt, cached: true };
  }
  const layer = await make();
  const createdAt = now();
  deps.buildCache.put({ key, description, layer, parent, createdAt, usedAt: createdAt, uses: 0 });
  return { layer, createdAt, cached: false };
}

const isHere = ({ content, snapshots }: BuildDeps, { layer }: BuildCacheRecord): boolean =>
  content.size(layer.blob) !== undefined && snapshots.hasLayer(layer.chainId);
