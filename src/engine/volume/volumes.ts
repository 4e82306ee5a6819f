import { conflict, invalid, notFound } from "../../base/error.ts";
import { hasLabel } from "../../base/labels.ts";
import type { VolumeRecord } from "../../core/volume.ts";
import type { InstanceDeps } from "../instance/deps.ts";
import { volumeUsers } from "../instance/remove.ts";

export const volumeFilters = ["dangling", "driver", "label", "name"] as const;
export const volumePruneFilters = ["all", "label", "label!"] as const;

export function findVolume({ volumes }: Pick<InstanceDeps, "volumes">, name: string): VolumeRecord {
  const volume = volumes.get(name);
  if (!volume) throw notFound(`get ${name}: no such volume`);
  return volume;
}

export function listVolumes(deps: InstanceDeps, filters: ReadonlyMap<string, readonly string[]>): VolumeRecord[] {
  const tests = [...filters].map(([name, values]) => volumeTest(deps, name, values));
  return deps.volumes.list().filter((volume) => tests.every((test) => test(volume)));
}

function volumeTest(deps: InstanceDeps, name: string, values: readonly string[]): (volume: VolumeRecord) => boolean {
  switch (name) {
    case "dangling": {
      const bad = values.find((value) => !/^(0|1|true|false)$/.test(value));
      if (bad !== undefined) throw invalid(`invalid filter 'dangling=[${bad}]'`);
      const wanted = values.some((value) => value === "true" || value === "1");
      return (volume) => (volumeUsers(deps, volume.name).length === 0) === wanted;
    }
    case "label":
      return (volume) => values.every((value) => hasLabel(volume.labels, value));
    case "name":
      return (volume) => values.some((value) => volume.name.includes(value));
    default:
      return (volume) => values.includes(volume.driver);
  }
}

export async function removeVolume(deps: InstanceDeps, name: string, force: boolean): Promise<void> {
  if (force && !deps.volumes.get(name)) return;
  const volume = findVolume(deps, name);
  const users = volumeUsers(deps, name).map(({ id }) => id);
  if (users.length > 0) throw conflict(`remove ${name}: volume is in use - [${users.join(", ")}]`);
  await discard(deps, volume);
}

async function discard(deps: InstanceDeps, { name }: VolumeRecord): Promise<void> {
  deps.volumes.remove(name);
  await deps.volumeDriver.remove(name);
  deps.events.publish({ type: "volume", action: "destroy", actor: { id: name, attributes: { driver: "local" } } });
}

/** Removes volumes nobody mounts; named ones only with the filter `all=true`. */
export async function pruneVolumes(
  deps: InstanceDeps,
  filters: ReadonlyMap<string, readonly string[]>,
): Promise<{ names: string[]; bytes: number }> {
  const all = (filters.get("all") ?? []).some((value) => value === "true" || value === "1");
  const doomed = deps.volumes
    .list()
    .filter((volume) => (all || volume.anonymous) && volumeUsers(deps, volume.name).length === 0)
    .filter((volume) => (filters.get("label") ?? []).every((label) => hasLabel(volume.labels, label)))
    .filter((volume) => !(filters.get("label!") ?? []).some((label) => hasLabel(volume.labels, label)));
  let bytes = 0;
  for (const volume of doomed) {
    bytes += await deps.volumeDriver.sizeBytes(volume.name);
    await discard(deps, volume);
  }
  deps.events.publish({ type: "volume", action: "prune", actor: { id: "", attributes: { reclaimed: String(bytes) } } });
  return { names: doomed.map(({ name }) => name), bytes };
}
