import { existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { newId } from "../../../base/id.ts";
import type { VolumeDriver, VolumeRecord } from "../../../core/volume.ts";
import { listMounts, mount, mountFlag, unmount } from "../../../os/mount.ts";

/** Volumes as directories `ROOT/NAME/_data`. */
export function createLocalVolumes(root: string): VolumeDriver {
  mkdirSync(root, { recursive: true, mode: 0o701 });
  const home = (name: string) => join(root, name);
  const path = (name: string) => join(home(name), "_data");
  return {
    path,
    create: ({ name }) => void mkdirSync(path(name), { recursive: true, mode: 0o755 }),
    mount(volume) {
      mkdirSync(path(volume.name), { recursive: true, mode: 0o755 });
      if (volume.options["device"] && !isMounted(path(volume.name))) mount(planMount(volume, path(volume.name)));
      return path(volume.name);
    },
    unmount: (name) => unmount(path(name)),
    async remove(name) {
      if (!existsSync(home(name))) return;
      unmount(path(name));
      // Out of the way in one step, so that no half-removed volume is ever seen.
      const doomed = join(root, `.removing-${newId().slice(0, 12)}`);
      renameSync(home(name), doomed);
      await rm(doomed, { recursive: true, force: true });
    },
    // A create that was cut short leaves a volume without its directory.
    isEmpty: (name) => !existsSync(path(name)) || readdirSync(path(name)).length === 0,
    sizeBytes: (name) => treeBytes(path(name)),
    list: () => readdirSync(root),
  };
}

const isMounted = (path: string): boolean => listMounts().some(({ target }) => target === path);

/** `type`, `device` and `o` as mount(8) takes them; flags are split from the file system's own options. */
function planMount({ options }: VolumeRecord, target: string) {
  const words = (options["o"] ?? "").split(",").filter(Boolean);
  const flags: Record<string, number> = {
    ro: mountFlag.readonly,
    nosuid: mountFlag.nosuid,
    nodev: mountFlag.nodev,
    noexec: mountFlag.noexec,
    bind: mountFlag.bind,
    rbind: mountFlag.bind | mountFlag.recursive,
  };
  const type = options["type"] === "none" ? "" : (options["type"] ?? "");
  return {
    source: options["device"] ?? "",
    target,
    type,
    flags: words.reduce((sum, word) => sum | (flags[word] ?? 0), 0),
    data: words.filter((word) => !(word in flags) && !["rw", "defaults"].includes(word)).join(","),
  };
}

async function treeBytes(path: string): Promise<number> {
  const stat = await lstat(path).catch(() => undefined);
  if (!stat) return 0;
  if (!stat.isDirectory()) return stat.blocks * 512;
  const entries = await readdir(path).catch(() => []);
  const sizes = await Promise.all(entries.map((entry) => treeBytes(join(path, entry))));
  return sizes.reduce((sum, size) => sum + size, stat.blocks * 512);
}
