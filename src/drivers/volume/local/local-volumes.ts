import { existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { VolumeDriver, VolumeRecord } from "../../../core/volume.ts";
import { unmount } from "../../../os/mount.ts";
import { unlimitDirectory } from "../../../os/project-quota.ts";
import { mountDevice } from "./device.ts";
import { createSnapshots } from "./snapshots.ts";
import {
  contentBytes,
  dataName,
  imageName,
  inMakingPlace,
  isMounted,
  limitStorage,
  makingPlace,
  mountVolume,
  removeTree,
  storageOf,
  sweepStorage,
} from "./storage.ts";

/** Volumes as `ROOT/NAME/_data`: a directory, or the place where a device or the sized `disk.img` beside it is mounted. */
export function createLocalVolumes(root: string): VolumeDriver {
  mkdirSync(root, { recursive: true, mode: 0o701 });
  const home = (name: string) => join(root, name);
  const path = (name: string) => join(home(name), dataName);
  const isSized = (name: string) => storageOf(home(name)) === imageName;
  const snapshots = createSnapshots(root);
  const users = new Map<string, Set<string>>();
  const hold = (name: string, user: string) => {
    if (!users.get(name)?.add(user)) users.set(name, new Set([user]));
  };
  return {
    path,
    create: (volume, fill) => create(root, volume, fill),
    async mount(volume, user) {
      const target = path(volume.name);
      mkdirSync(target, { recursive: true, mode: 0o755 });
      if (isSized(volume.name)) {
        if (!isMounted(target)) mountVolume(join(home(volume.name), imageName), target);
      } else if (volume.options["device"] && !isMounted(target)) await mountDevice(volume, target);
      hold(volume.name, user);
      return target;
    },
    hold: (volume, user) => hold(volume.name, user),
    release({ name, options }, user) {
      const left = users.get(name);
      if (!left?.delete(user) || left.size > 0) return;
      users.delete(name);
      if (options["device"] || isSized(name)) unmount(path(name));
    },
    async remove(name) {
      users.delete(name);
      if (!existsSync(home(name))) return;
      unmount(path(name));
      unlimitDirectory(path(name));
      // Out of the way in one step, so that no half-removed volume is ever seen.
      const doomed = makingPlace(root);
      renameSync(home(name), join(doomed, name));
      await removeTree(doomed);
    },
    // A create that was cut short leaves a volume without its directory.
    isEmpty: (name) =>
      (!isSized(name) || isMounted(path(name))) && (!existsSync(path(name)) || readdirSync(path(name)).length === 0),
    async sizeBytes({ name, options }) {
      const own = options["device"] ? 0 : await contentBytes(join(home(name), storageOf(home(name))));
      return snapshots.listSnapshots(name).reduce((sum, { sizeBytes }) => sum + sizeBytes, own);
    },
    list: () => readdirSync(root).filter((name) => !name.startsWith(".")),
    sweep: () => sweepStorage(root),
    ...snapshots,
  };
}

async function create(root: string, volume: VolumeRecord, fill?: (path: string) => Promise<void>): Promise<void> {
  const home = join(root, volume.name);
  if (existsSync(home) && !fill) return;
  await inMakingPlace(root, async (place) => {
    const data = join(place, dataName);
    mkdirSync(data, { mode: 0o755 });
    const { size } = volume.options;
    if (size) await limitStorage(place, size);
    if (fill) {
      if (storageOf(place) === imageName) mountVolume(join(place, imageName), data);
      await fill(data);
      unmount(data);
    }
    renameSync(place, home);
  });
}
