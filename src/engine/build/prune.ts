import { join } from "node:path";
import type { BuildCacheRecord } from "../../core/build-cache.ts";
import { collectUnused } from "../image/collect.ts";
import { layersInImages } from "./cache-usage.ts";
import type { BuildDeps } from "./deps.ts";

export interface PruneCacheRequest {
  /** Cache mounts too, and steps that images still stand on. */
  readonly all: boolean;
  /** Bytes that may stay; the least recently used goes first. */
  readonly keepBytes: number;
  /** Only what was not used since, in milliseconds since 1970. */
  readonly unusedSince: number | undefined;
}

export interface PrunedCache {
  readonly keys: string[];
  readonly freedBytes: number;
}

/** Forgets cached steps and lets go of the layers that nothing else stands on. */
export async function pruneBuildCache(
  deps: BuildDeps,
  { all, keepBytes, unusedSince }: PruneCacheRequest,
): Promise<PrunedCache> {
  const inImages = layersInImages(deps.images);
  const candidates = deps.buildCache
    .list()
    .filter(({ layer }) => all || !inImages.has(layer.chainId))
    .filter(({ usedAt }) => unusedSince === undefined || Date.parse(usedAt) < unusedSince)
    .sort((a, b) => (a.usedAt < b.usedAt ? -1 : 1));
  let held = total(candidates);
  const pruned: BuildCacheRecord[] = [];
  for (const record of candidates) {
    if (held <= keepBytes) break;
    held -= record.alias ? 0 : record.layer.sizeBytes;
    pruned.push(record);
  }
  for (const { key } of pruned) deps.buildCache.remove(key);
  if (all && unusedSince === undefined && keepBytes === 0) await removeCacheMounts(deps);
  const contexts = keepBytes > 0 ? [] : await removeContexts(deps, unusedSince ?? Number.POSITIVE_INFINITY);
  await collectUnused(deps);
  const contextBytes = contexts.reduce((sum, { bytes }) => sum + bytes, 0);
  const freedBytes = contextBytes + total(pruned.filter(({ layer }) => !inImages.has(layer.chainId)));
  deps.events.publish({
    type: "builder",
    action: "prune",
    actor: { id: "", attributes: { reclaimed: String(freedBytes) } },
  });
  return { keys: [...pruned.filter(({ alias }) => !alias), ...contexts].map(({ key }) => key), freedBytes };
}

const total = (records: readonly BuildCacheRecord[]): number =>
  records.reduce((sum, { layer, alias }) => sum + (alias ? 0 : layer.sizeBytes), 0);

/** Contexts that no build has used since. */
async function removeContexts({ contexts, machine }: BuildDeps, since: number) {
  const removed = contexts.list().filter(({ keptAt }) => Date.parse(keptAt) < since);
  for (const { key, version } of removed) {
    const taken = contexts.take(key, version);
    if (taken) await machine.removeTree(taken.directory);
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
