import type { BuildCacheRecord } from "../../core/build-cache.ts";
import type { ImageRepository } from "../../core/image.ts";
import type { ChainId } from "../../core/snapshot.ts";
import type { BuildDeps } from "./deps.ts";
import type { KeptContext } from "./kept-contexts.ts";

/** Something that builds keep, for users to see. */
export interface CacheEntry {
  readonly id: string;
  readonly parent: string | undefined;
  /** BuildKit's word for its kind. */
  readonly type: "regular" | "source.local" | "exec.cachemount";
  readonly description: string;
  readonly sizeBytes: number;
  readonly createdAt: string;
  readonly usedAt: string;
  readonly uses: number;
  /** An image has the layer too. */
  readonly inUse: boolean;
}

/** Layers that an image stands on. */
export const layersInImages = (images: ImageRepository): ReadonlySet<ChainId> =>
  new Set(images.list().flatMap(({ layers }) => layers.map(({ chainId }) => chainId)));

/** Cached steps, and the files of contexts. */
export function cacheUsage({ buildCache, images, contexts }: BuildDeps): CacheEntry[] {
  const inImages = layersInImages(images);
  const steps = buildCache.list().filter(({ alias }) => !alias);
  return [...steps.map((record) => entryOfStep(record, inImages)), ...contexts.list().map(entryOfContext)];
}

export const entryOfStep = (
  { key, parent, description, layer, createdAt, usedAt, uses }: BuildCacheRecord,
  inImages: ReadonlySet<ChainId>,
): CacheEntry => ({
  ...{ id: key, parent, type: "regular", description, createdAt, usedAt, uses },
  ...{ sizeBytes: layer.sizeBytes, inUse: inImages.has(layer.chainId) },
});

export const entryOfContext = ({ key, bytes, keptAt }: KeptContext & { readonly key: string }): CacheEntry => ({
  ...{ id: key, parent: undefined, type: "source.local", description: "files of a build context" },
  ...{ sizeBytes: bytes, createdAt: keptAt, usedAt: keptAt, uses: 1, inUse: false },
});
