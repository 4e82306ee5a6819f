import { invalid } from "../../base/error.ts";
import type { CacheEntry } from "../../engine/build/cache-usage.ts";
import type { BuildDeps } from "../../engine/build/deps.ts";
import { diskUsage } from "../../engine/system/disk-usage.ts";
import { keptMachines } from "../../engine/system/kept-machines.ts";
import { encodeSummary as encodeImage } from "../encode/image.ts";
import { encodeSummary } from "../encode/instance.ts";
import { json, type Route } from "../exchange.ts";
import { encodeVolume } from "./volume.ts";

const types = ["container", "image", "volume", "build-cache"];

const usage: Route<BuildDeps>["handle"] = async ({ query }, deps) => {
  const asked = query.all("type");
  const unknown = asked.find((type) => !types.includes(type));
  if (unknown !== undefined) throw invalid(`unknown object type: ${unknown}`);
  const found = await diskUsage(deps, asked.length > 0 ? asked : types);
  return json(200, {
    LayersSize: found.storedBytes,
    Images: found.images?.map((listed) => encodeImage(listed, listed.users)) ?? null,
    Containers:
      found.instances?.map(({ record, writableBytes, totalBytes }) => ({
        ...encodeSummary(deps, record),
        SizeRw: writableBytes,
        SizeRootFs: totalBytes,
      })) ?? null,
    Volumes:
      found.volumes?.map(({ volume, bytes, users }) => ({
        ...encodeVolume(deps, volume),
        UsageData: { Size: bytes, RefCount: users },
      })) ?? null,
    BuildCache: found.buildCache?.map(encodeCache) ?? null,
  });
};

const encodeCache = ({ id, parent, type, description, inUse, sizeBytes, createdAt, usedAt, uses }: CacheEntry) => ({
  ID: id,
  ...(parent && { Parents: [parent] }),
  Type: type,
  Description: description,
  InUse: inUse,
  Shared: inUse,
  Size: sizeBytes,
  CreatedAt: createdAt,
  LastUsedAt: usedAt,
  UsageCount: uses,
});

/** isle's own: Docker keeps no machines. */
const kept: Route<BuildDeps>["handle"] = async (_, deps) => {
  const { templates, spares, suspended } = keptMachines(deps);
  return json(200, {
    Templates: { Count: templates.count, Size: templates.diskBytes },
    Waiting: { Count: spares.count, Size: spares.diskBytes, Memory: spares.memoryBytes },
    Suspended: { Count: suspended.count, Size: suspended.diskBytes },
  });
};

export const diskUsageRoutes: ReadonlyArray<Route<BuildDeps>> = [
  { method: "GET", path: "/system/df", handle: usage },
  { method: "GET", path: "/isle/system/df", handle: kept },
];
