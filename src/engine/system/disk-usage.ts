import type { InstanceRecord } from "../../core/instance.ts";
import type { VolumeRecord } from "../../core/volume.ts";
import { type CacheEntry, cacheUsage } from "../build/cache-usage.ts";
import type { BuildDeps } from "../build/deps.ts";
import { type ImageDiskUsage, imageDiskUsage } from "../image/image-disk-usage.ts";
import type { InstanceDeps } from "../instance/deps.ts";
import { writtenBytes } from "../instance/guest-files.ts";
import { volumeUsers } from "../instance/remove.ts";

export interface DiskUsage {
  /** Unpacked layers, each counted once, the blobs they came from, and the disks of microVMs made of them. */
  readonly storedBytes: number;
  readonly images: ImageDiskUsage["images"] | undefined;
  readonly instances: ReadonlyArray<{ record: InstanceRecord; writableBytes: number; totalBytes: number }> | undefined;
  readonly volumes: ReadonlyArray<{ volume: VolumeRecord; bytes: number; users: number }> | undefined;
  readonly buildCache: readonly CacheEntry[] | undefined;
}

/** What the store holds, measured now; only the kinds asked for. */
export async function diskUsage(deps: BuildDeps, kinds: readonly string[]): Promise<DiskUsage> {
  const images = imageDiskUsage(deps);
  return {
    storedBytes: images.layerBytes + images.blobBytes + deps.imageDisks.usedBytes(),
    images: kinds.includes("image") ? images.images : undefined,
    instances: kinds.includes("container") ? await instanceUsage(deps) : undefined,
    volumes: kinds.includes("volume") ? await volumeUsage(deps) : undefined,
    buildCache: kinds.includes("build-cache") ? cacheUsage(deps) : undefined,
  };
}

function instanceUsage(deps: InstanceDeps) {
  const shown = deps.instances.list().filter(({ purpose }) => purpose === undefined);
  return Promise.all(
    shown.map(async (record) => {
      const sizeBytes = await writtenBytes(deps, record);
      return {
        record,
        writableBytes: sizeBytes,
        totalBytes: sizeBytes + (deps.images.get(record.image.id)?.sizeBytes ?? 0),
      };
    }),
  );
}

function volumeUsage(deps: InstanceDeps) {
  return Promise.all(
    deps.volumes.list().map(async (volume) => ({
      volume,
      bytes: await deps.volumeDriver.sizeBytes(volume),
      users: volumeUsers(deps, volume.name).length,
    })),
  );
}
