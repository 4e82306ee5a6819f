import { join } from "node:path";
import type { BuildCacheRecord } from "../../core/build-cache.ts";
import { collectUnused } from "../image/collect.ts";
import { type CacheTerm, matchesTerms } from "./cache-filter.ts";
import { type CacheEntry, entryOfContext, entryOfStep, inImages } from "./cache-usage.ts";
import type { BuildDeps } from "./deps.ts";

export interface PruneCacheRequest {
  /** Cache mounts too, and steps that images still stand on. */
  readonly all: boolean;
  /** What may stay; the least recently used goes first. */
  readonly limits: CacheLimits;
  /** Only what was not used since, in milliseconds since 1970. */
  readonly unusedSince: number | undefined;
  /** Only what meets all conditions of one of these; everything when there are none. */
  readonly filters: ReadonlyArray<readonly CacheTerm[]>;
}

export interface CacheLimits {
  /** Never less than this goes. */
  readonly reservedBytes?: number | undefined;
  readonly maxUsedBytes?: number | undefined;
  /** Of the disk. */
  readonly minFreeBytes?: number | undefined;
}

export interface PrunedCache {
  readonly entries: readonly CacheEntry[];
  readonly freedBytes: number;
}

/** Forgets cached steps and lets go of the layers that nothing else stands on. */
export async function pruneBuildCache(
  deps: BuildDeps,
  { all, limits, unusedSince, filters }: PruneCacheRequest,
): Promise<PrunedCache> {
  const isInUse = inImages(deps);
  const isWanted = (entry: CacheEntry): boolean =>
    filters.length === 0 || filters.some((terms) => matchesTerms(terms, entry));
  const records = deps.buildCache.list();
  const wanted = records.filter((record) => isWanted(entryOfStep(record, isInUse)));
  const layers = new Set(wanted.map(({ layer }) => layer.chainId));
  const candidates = records
    // A second key goes with its step.
    .filter((record) => wanted.includes(record) || (record.alias && layers.has(record.layer.chainId)))
    .filter((record) => all || !isInUse(record))
    .filter(({ usedAt }) => unusedSince === undefined || Date.parse(usedAt) < unusedSince)
    .sort((a, b) => (a.usedAt < b.usedAt ? -1 : 1));
  const keepBytes = bytesToKeep(limits, {
    heldBytes: total(candidates),
    freeBytes: deps.machine.freeBytes(deps.settings.paths.builds),
  });
  const pruned = unwanted(candidates, keepBytes);
  // While the layers are here to be looked at.
  const steps = pruned.filter(({ alias }) => !alias).map((record) => entryOfStep(record, isInUse));
  const layerBytes = total(pruned.filter((record) => !isInUse(record)));
  for (const { key } of pruned) deps.buildCache.remove(key);
  if (all && unusedSince === undefined && keepBytes === 0 && isWanted(anyCacheMount)) await removeCacheMounts(deps);
  const contexts = keepBytes > 0 ? [] : await removeContexts(deps, unusedSince ?? Number.POSITIVE_INFINITY, isWanted);
  await collectUnused(deps);
  const contextBytes = contexts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const freedBytes = contextBytes + layerBytes;
  deps.events.publish({
    type: "builder",
    action: "prune",
    actor: { id: "", attributes: { reclaimed: String(freedBytes) } },
  });
  return { entries: [...steps, ...contexts], freedBytes };
}

/** How much may stay: as much as the limits allow, but never less than is reserved. Without any limit nothing stays. */
export function bytesToKeep(
  { reservedBytes = 0, maxUsedBytes = 0, minFreeBytes = 0 }: CacheLimits,
  { heldBytes, freeBytes }: { heldBytes: number; freeBytes: number },
): number {
  const lacking = minFreeBytes - freeBytes;
  const allowed = maxUsedBytes > 0 ? maxUsedBytes : minFreeBytes > 0 ? heldBytes : 0;
  return Math.max(reservedBytes, lacking > 0 ? Math.min(allowed, Math.max(0, heldBytes - lacking)) : allowed);
}

/** The least recently used, until no more than that is held; a layer's second keys go with its records. */
function unwanted(candidates: readonly BuildCacheRecord[], keepBytes: number): BuildCacheRecord[] {
  const records = candidates.filter(({ alias }) => !alias);
  let held = total(records);
  const stays = records.findIndex(({ layer }) => {
    const fits = keepBytes > 0 && held <= keepBytes;
    held -= layer.sizeBytes;
    return fits;
  });
  const kept = new Set(stays < 0 ? [] : records.slice(stays));
  const layers = new Set([...kept].map(({ layer }) => layer.chainId));
  return candidates.filter((record) => (record.alias ? !layers.has(record.layer.chainId) : !kept.has(record)));
}

const total = (records: readonly BuildCacheRecord[]): number =>
  records.reduce((sum, { layer, alias }) => sum + (alias ? 0 : layer.sizeBytes), 0);

/** What cache mounts are to a filter; their sizes are not known. */
const anyCacheMount: CacheEntry = {
  ...{ id: "", parent: undefined, type: "exec.cachemount", description: "cache mount", sizeBytes: 0 },
  ...{ createdAt: "", usedAt: "", uses: 0, inUse: false },
};

/** Contexts that no build has used since. */
async function removeContexts(
  { contexts, machine }: BuildDeps,
  since: number,
  isWanted: (entry: CacheEntry) => boolean,
): Promise<CacheEntry[]> {
  const removed: CacheEntry[] = [];
  for (const kept of contexts.list()) {
    const entry = entryOfContext(kept);
    if (Date.parse(kept.keptAt) >= since || !isWanted(entry)) continue;
    const taken = contexts.take(kept.key, kept.version);
    if (!taken) continue;
    await machine.removeTree(taken.directory);
    removed.push(entry);
  }
  return removed;
}

async function removeCacheMounts({ machine, settings, instances }: BuildDeps): Promise<void> {
  const directory = join(settings.paths.builds, "cache");
  const used = new Set(instances.list().flatMap(({ mounts }) => mounts.map(({ source }) => source)));
  for (const name of machine.listDirectory(directory)) {
    const path = join(directory, name);
    if (!used.has(path)) await machine.removeTree(path);
  }
}
