import { conflict, invalid, notFound } from "../../base/error.ts";
import { hasLabel } from "../../base/labels.ts";
import { namePattern } from "../../base/name-pattern.ts";
import type { VolumeRecord } from "../../core/volume.ts";
import type { InstanceDeps } from "../instance/deps.ts";
import { volumeUsers } from "../instance/remove.ts";
import { publishVolume } from "./create.ts";
import { onVolume } from "./lock.ts";

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
    case "name": {
      const patterns = values.map(namePattern);
      return (volume) => patterns.some((pattern) => pattern.test(volume.name));
    }
    default:
      return (volume) => values.includes(volume.driver);
  }
}

export async function removeVolume(deps: InstanceDeps, name: string, force: boolean): Promise<void> {
  if (force && !deps.volumes.get(name)) return;
  await onVolume(deps, name, async () => {
    const volume = findVolume(deps, name);
    const users = volumeUsers(deps, name).map(({ id }) => id);
    if (users.length > 0) throw conflict(`remove ${name}: volume is in use - [${users.join(", ")}]`);
    await discard(deps, volume);
  });
}

async function discard(deps: InstanceDeps, volume: VolumeRecord): Promise<void> {
  deps.volumes.remove(volume.name);
  await deps.volumeDriver.remove(volume.name);
  publishVolume(deps, volume, "destroy");
}

/**
 * Removes volumes nobody mounts; named ones only with the filter `all=true`, and never those that only say how to
 * mount a device of the user's.
 */
export async function pruneVolumes(
  deps: InstanceDeps,
  filters: ReadonlyMap<string, readonly string[]>,
): Promise<{ names: string[]; bytes: number }> {
  const all = (filters.get("all") ?? []).some((value) => value === "true" || value === "1");
  const doomed = deps.volumes
    .list()
    .filter((volume) => (all || volume.anonymous) && !volume.options["device"])
    .filter((volume) => volumeUsers(deps, volume.name).length === 0)
    .filter((volume) => (filters.get("label") ?? []).every((label) => hasLabel(volume.labels, label)))
    .filter((volume) => !(filters.get("label!") ?? []).some((label) => hasLabel(volume.labels, label)));
  const names: string[] = [];
  let bytes = 0;
  for (const volume of doomed) {
    await onVolume(deps, volume.name, async () => {
      // Since the list was made somebody may have removed it or come to use it.
      if (!deps.volumes.get(volume.name) || volumeUsers(deps, volume.name).length > 0) return;
      const freed = await deps.volumeDriver.sizeBytes(volume);
      await discard(deps, volume);
      names.push(volume.name);
      bytes += freed;
    });
  }
  deps.events.publish({ type: "volume", action: "prune", actor: { id: "", attributes: { reclaimed: String(bytes) } } });
  return { names, bytes };
}
