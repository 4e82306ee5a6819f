import { now } from "../../base/time.ts";
import type { BuildCacheRecord } from "../../core/build-cache.ts";
import type { ImageLayer } from "../../core/image.ts";
import type { ChainId, LayerUsage } from "../../core/snapshot.ts";
import { nextChainId } from "../image/add-image.ts";
import { plainLayerType } from "../image/import-image.ts";
import type { BuildDeps } from "./deps.ts";
import type { StageState } from "./stage-state.ts";

/** Makes a layer of what a root changed. The root is gone afterwards. */
export async function layerOfRoot(
  deps: BuildDeps,
  rootId: string,
  { below, epoch, linked }: { below: readonly ImageLayer[]; epoch: number | undefined; linked?: boolean },
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
    await deps.snapshots.adoptRoot(rootId, { chainId, usage, sharedAs: linked ? blob.digest : undefined });
    return { ...stored, sizeBytes: usage.sizeBytes };
  }
  // Its times were changed on the way into the archive, so that the directory is made from that.
  const source = { chainId, parent, diffId: blob.digest, blob: blob.digest, shared: linked ?? false };
  const { sizeBytes } = await deps.snapshots.applyLayer(source);
  await deps.snapshots.removeRoot(rootId);
  return { ...stored, sizeBytes };
}

/** A step's layer, from the cache or made now. */
export interface StepLayer {
  readonly layer: ImageLayer;
  readonly createdAt: string;
  readonly cached: boolean;
}

interface StepPlace extends Pick<BuildCacheRecord, "key" | "description" | "parent" | "linked"> {
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
  const { deps, made: ownKeys, underWay } = ground.build;
  const find = async (key: string) =>
    ignoresCache && !ownKeys.has(key) ? undefined : await lookUp(ground, { ...place, key });
  const quick = await find(place.key);
  if (quick) return quick;
  const exact = await exactKey?.();
  const known = exact === undefined ? undefined : await find(exact);
  // The layer of another engine is remembered when it is here.
  if (known && !isHere(deps, known)) return known;
  const keys = [...new Set([place.key, ...(exact === undefined ? [] : [exact])])];
  const remember = ({ layer, createdAt }: StepLayer): void => {
    for (const key of known ? [place.key] : keys) {
      ownKeys.add(key);
      const record = { ...place, key, layer, createdAt, usedAt: now(), uses: 0 };
      deps.buildCache.put({ ...record, ...(key !== place.key && { alias: true }) });
    }
  };
  if (known) {
    remember(known);
    return known;
  }
  const other = keys.map((key) => underWay.get(key)).find((each) => each !== undefined);
  if (other) {
    await other;
    return await stepLayer(ground, { ...place, ignoresCache, ...(exactKey && { exactKey }) }, make);
  }
  const making = makeLayer(ground, { isLinked: place.linked ?? false, make, remember });
  for (const key of keys) underWay.set(key, making);
  try {
    return await making;
  } finally {
    for (const key of keys) underWay.delete(key);
  }
}

interface Making {
  readonly isLinked: boolean;
  make(): Promise<ImageLayer>;
  remember(made: StepLayer): void;
}

async function makeLayer(ground: StepGround, { isLinked, make, remember }: Making): Promise<StepLayer> {
  if (!isLinked) ground.layers = await ground.build.imported.present(ground.layers);
  const made = { layer: await make(), createdAt: now(), cached: false };
  remember(made);
  return made;
}

async function lookUp(
  { build, layers }: StepGround,
  place: Omit<StepPlace, "exactKey" | "ignoresCache">,
): Promise<StepLayer | undefined> {
  const { deps, imported } = build;
  const below = layers.at(-1)?.chainId;
  const known = deps.buildCache.get(place.key);
  const layer = known?.linked ? await linkedOn(deps, known.layer, below) : known?.layer;
  if (!known || !layer || !isHere(deps, { layer })) {
    const elsewhere = imported.find({ ...place, below });
    return elsewhere && { ...elsewhere, cached: true };
  }
  deps.buildCache.put({ ...known, layer, usedAt: now(), uses: known.uses + 1 });
  return { layer, createdAt: known.createdAt, cached: true };
}

/** A linked step's layer on other layers: nothing of it is copied, its place in the chain alone is another. */
export async function linkedOn(
  { content, snapshots }: Pick<BuildDeps, "content" | "snapshots">,
  layer: ImageLayer,
  below: ChainId | undefined,
): Promise<ImageLayer | undefined> {
  const { diffId, blob } = layer;
  const chainId = nextChainId(below, diffId);
  if (content.size(blob) === undefined) return undefined;
  if (snapshots.hasLayer(chainId)) return { ...layer, chainId };
  const { sizeBytes } = await snapshots.applyLayer({ chainId, parent: below, diffId, blob, shared: true });
  return { ...layer, chainId, sizeBytes };
}

const isHere = ({ content, snapshots }: BuildDeps, { layer }: Pick<BuildCacheRecord, "layer">): boolean =>
  content.size(layer.blob) !== undefined && snapshots.hasLayer(layer.chainId);
