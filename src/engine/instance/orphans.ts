import { now } from "../../base/time.ts";
import type { VolumeRecord } from "../../core/volume.ts";
import type { InstanceDeps } from "./deps.ts";

/**
 * Removes roots and files that no record names, which a create or a removal left that was cut short. A volume without a record
 * is kept when it holds anything: what a user stored is never dropped.
 */
export async function removeOrphans(deps: InstanceDeps): Promise<void> {
  const { paths } = deps.settings;
  const left = new Set([...deps.snapshots.listRoots(), ...deps.machine.listDirectory(paths.instances)]);
  for (const id of left) {
    if (deps.instances.get(id)) continue;
    deps.log.info("removing what an interrupted create or removal left", { instance: id });
    for (const runtime of deps.runtimes.values()) await runtime.delete(id);
    await deps.machine.removeTree(paths.instance(id));
    deps.exits.forget(id);
    await deps.snapshots.removeRoot(id);
  }
  for (const name of deps.volumeDriver.list()) await adoptVolume(deps, name);
}

async function adoptVolume(deps: InstanceDeps, name: string): Promise<void> {
  if (deps.volumes.get(name)) return;
  if (deps.volumeDriver.isEmpty(name)) return deps.volumeDriver.remove(name);
  const volume: VolumeRecord = { name, driver: "local", createdAt: now(), labels: {}, options: {}, anonymous: false };
  deps.log.warn("a volume without a record was found and kept", { volume: name });
  deps.volumes.put(volume);
}
