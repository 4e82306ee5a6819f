import { now } from "../../base/time.ts";
import type { BuildCacheRecord } from "../../core/build-cache.ts";
import type { ImageLayer } from "../../core/image.ts";
import type { LayerUsage } from "../../core/snapshot.ts";
import { nextChainId } from "../image/add-image.ts";
import { plainLayerType } from "../image/import-image.ts";
import type { BuildDeps } from "./deps.ts";
import type { StageState } from "./stage-state.ts";

/** Makes a layer of what a root changed. The root is gone afterwards. */
export async function layerOfRoot(
  deps: BuildDeps,
  rootId: string,
  { below, epoch }: { below: readonly ImageLayer[]; epoch: number | undefined },
): Promise<ImageLayer> {
  deps.snapshots.unmount(rootId);
  const latestNanos = epoch === undefined ? undefined : BigInt(epoch) * 1_000_000_000n;
  let usage: LayerUsage = { sizeBytes: 0, inodes: 0 };
  const onUsage = (found: LayerUsage): void => {
    usage = found;
  };
  const blob = await deps.content.ingest(deps.snapshots.diff(rootId, { latestNanos, onUsage }));
  const parent = below.at(-1)?.chainId;
  const chainId = nextChainId(parent, blob.digest);
  const stored = {
    blob: blob.digest,
    mediaType: plainLayerType,
    blobBytes: blob.sizeBytes,
    diffId: blob.digest,
    chainId,
  };
  if (epoch === undefined) {
    await deps.snapshots.adoptRoot(rootId, { chainId, usage });
    return { ...stored, sizeBytes: usage.sizeBytes };
  }
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

interface StepPlace extends Pick<BuildCacheRecord, "key" | "description" | "parent"> {
  /** A key that costs more to know, under which a step of other origin may have the same layer. */
  readonly exactKey?: () => Promise<string>;
  readonly ignoresCache: boolean;
}

/** What a step stands on: layers that are not here yet are brought when the step has to run. */
type StepGround = Pick<StageState, "build"> & { layers: readonly ImageLayer[] };

/**
 * The layer of an earlier build of the same step while all of it is here, or of a cache from elsewhere; else the one that
 * `make` makes, remembered.
 */
export async function stepLayer(
  ground: StepGround,
  { exactKey, ignoresCache, ...place }: StepPlace,
  make: () => Promise<ImageLayer>,
): Promise<StepLayer> {
  const { deps, imported, made: ownKeys } = ground.build;
  const find = (key: string) => (ignoresCache && !ownKeys.has(key) ? undefined : lookUp(ground, { ...place, key }));
  const quick = find(place.key);
  if (quick) return quick;
  const exact = await exactKey?.();
  const known = exact === undefined ? undefined : find(exact);
  if (!known) ground.layers = await imported.present(ground.layers);
  const made = known ?? { layer: await make(), createdAt: now(), cached: false };
  // The layer of another engine is remembered when it is here.
  if (known && !isHere(deps, known)) return known;
  for (const key of new Set([place.key, ...(exact === undefined ? [] : [exact])])) {
    if (known && key === exact) continue;
    ownKeys.add(key);
    const record = { ...place, key, layer: made.layer, createdAt: made.createdAt, usedAt: now(), uses: 0 };
    deps.buildCache.put({ ...record, ...(key !== place.key && { alias: true }) });
  }
  return made;
}

function lookUp(
  { build, layers }: StepGround,
  place: Omit<StepPlace, "exactKey" | "ignoresCache">,
): StepLayer | undefined {
  const { deps, imported } = build;
  const known = deps.buildCache.get(place.key);
  if (!known || !isHere(deps, known)) {
    const elsewhere = imported.find({ ...place, below: layers.at(-1)?.chainId });
    return elsewhere && { ...elsewhere, cached: true };
  }
  deps.buildCache.put({ ...known, usedAt: now(), uses: known.uses + 1 });
  return { layer: known.layer, createdAt: known.createdAt, cached: true };
}

const isHere = ({ content, snapshots }: BuildDeps, { layer }: Pick<BuildCacheRecord, "layer">): boolean =>
  content.size(layer.blob) !== undefined && snapshots.hasLayer(layer.chainId);
