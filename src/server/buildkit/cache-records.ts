import { matchesTerms, parseCacheFilter } from "../../engine/build/cache-filter.ts";
import { type CacheEntry, cacheUsage } from "../../engine/build/cache-usage.ts";
import type { BuildDeps } from "../../engine/build/deps.ts";
import { pruneBuildCache } from "../../engine/build/prune.ts";
import { type Call, onlyMessage } from "../grpc/grpc-server.ts";
import { codec, timestamp } from "./messages.ts";

interface Prune {
  readonly filter: readonly string[];
  readonly all: boolean;
  /** In nanoseconds. */
  readonly keepDuration: number;
  readonly reservedSpace: number;
  readonly maxUsedSpace: number;
  readonly minFreeSpace: number;
}

const codecs = {
  asked: codec<{ filter: readonly string[] }>("DiskUsageRequest"),
  usage: codec<{ record: object[] }>("DiskUsageResponse"),
  prune: codec<Prune>("PruneRequest"),
  record: codec<object>("UsageRecord"),
};

/** What the cache holds, as far as one of the client's filters fits. */
export async function tellUsage(deps: BuildDeps, call: Call): Promise<void> {
  const filters = filtersOf(codecs.asked.decode(await onlyMessage(call)).filter);
  const entries = cacheUsage(deps).filter(
    (entry) => filters.length === 0 || filters.some((terms) => matchesTerms(terms, entry)),
  );
  call.send(codecs.usage.encode({ record: entries.map(recordOf) }));
}

/** Forgets what the client asks for, and tells of each. */
export async function pruneCache(deps: BuildDeps, call: Call): Promise<void> {
  const { filter, all, keepDuration, ...limits } = codecs.prune.decode(await onlyMessage(call));
  const { entries } = await pruneBuildCache(deps, {
    all,
    limits: {
      reservedBytes: limits.reservedSpace,
      maxUsedBytes: limits.maxUsedSpace,
      minFreeBytes: limits.minFreeSpace,
    },
    unusedSince: keepDuration > 0 ? Date.now() - keepDuration / 1e6 : undefined,
    filters: filtersOf(filter),
  });
  for (const entry of entries) call.send(codecs.record.encode(recordOf(entry)));
}

const filtersOf = (texts: readonly string[]) => texts.filter((text) => text.trim() !== "").map(parseCacheFilter);

const recordOf = ({
  id,
  description,
  sizeBytes,
  parent,
  type,
  uses,
  inUse,
  createdAt,
  usedAt,
}: CacheEntry): object => ({
  ...{ ID: id, Description: description, Size: sizeBytes, UsageCount: uses, RecordType: type },
  ...{ InUse: inUse, Shared: inUse, Parents: parent ? [parent] : [] },
  ...{ CreatedAt: timestamp(Date.parse(createdAt)), LastUsedAt: timestamp(Date.parse(usedAt)) },
});
