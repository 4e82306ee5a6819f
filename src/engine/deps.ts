import type { Logger } from "../base/log.ts";
import type { BuildCache } from "../core/build-cache.ts";
import type { ContentStore } from "../core/content.ts";
import type { Decompress } from "../core/decompress.ts";
import type { EventBus } from "../core/event.ts";
import type { ImageRepository } from "../core/image.ts";
import type { ImageDisks } from "../core/image-disk.ts";
import type { RegistryClient } from "../core/registry.ts";
import type { SnapshotStore } from "../core/snapshot.ts";

/** What the image use cases work with. Drivers are chosen in daemon/, never here. */
export interface ImageDeps {
  readonly content: ContentStore;
  readonly snapshots: SnapshotStore;
  readonly imageDisks: ImageDisks;
  readonly images: ImageRepository;
  readonly buildCache: BuildCache;
  readonly registry: RegistryClient;
  readonly events: EventBus;
  readonly decompress: Decompress;
  readonly log: Logger;
  /** Instances that were created from the image; a removal asks first. */
  readonly imageUsers: (imageId: string) => readonly ImageUser[];
}

export interface ImageUser {
  readonly instanceId: string;
  readonly running: boolean;
}
