import type { BuildCacheRecord } from "../../core/build-cache.ts";
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

/** Tells whether an image has the layer of a step: for a linked step, whatever lies below it. */
export function inImages({ images, snapshots }: Pick<BuildDeps, "images" | "snapshots">) {
  const places = new Set(
    images.list().flatMap(({ layers }) => layers.map(({ chainId }) => snapshots.placeOf(chainId))),
  );
  return ({ layer }: Pick<BuildCacheRecord, "layer">): boolean => places.has(snapshots.placeOf(layer.chainId));
}

/** Cached steps, and the files of contexts. */
export function cacheUsage(deps: BuildDeps): CacheEntry[] {
  const { buildCache, contexts } = deps;
  const isInUse = inImages(deps);
  const steps = buildCache.list().filter(({ alias }) => !alias);
  return [...steps.map((record) => entryOfStep(record, isInUse)), ...contexts.list().map(entryOfContext)];
}

export const entryOfStep = (
  { key, parent, description, layer, createdAt, usedAt, uses }: BuildCacheRecord,
  isInUse: ReturnType<typeof inImages>,
): CacheEntry => ({
  ...{ id: key, parent, type: "regular", description, createdAt, usedAt, uses },
  ...{ sizeBytes: layer.sizeBytes, inUse: isInUse({ layer }) },
});

export const entryOfContext = ({ key, bytes, keptAt }: KeptContext & { readonly key: string }): CacheEntry => ({
  ...{ id: key, parent: undefined, type: "source.local", description: "files of a build context" },
  ...{ sizeBytes: bytes, createdAt: keptAt, usedAt: keptAt, uses: 1, inUse: false },
});
