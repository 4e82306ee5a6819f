import type { CopyMethod, StillTree, VolumeSnapshot } from "./volume-snapshot.ts";

/** A named directory that outlives the instances that mount it. */
export interface VolumeRecord {
  readonly name: string;
  readonly driver: "local";
  readonly createdAt: string;
  readonly labels: Readonly<Record<string, string>>;
  /** As given: `type`, `device`, `o`, or `size`. */
  readonly options: Readonly<Record<string, string>>;
  /** Made without a name, for one instance. */
  readonly anonymous: boolean;
}

export interface VolumeRepository {
  get(name: string): VolumeRecord | undefined;
  list(): VolumeRecord[];
  put(volume: VolumeRecord): void;
  remove(name: string): void;
}

/**
 * Where volumes lie. A volume's storage appears whole or not at all, whenever the process is killed; `sweep` removes
 * what was left half-made. The caller sees to it that one piece of work at a time is done on one volume.
 */
export interface VolumeDriver {
  path(name: string): string;
  /** Makes the storage; quiet when it is there. `fill` puts content into it before anybody can see it. */
  create(volume: VolumeRecord, fill?: (path: string) => Promise<void>): Promise<void>;
  /** Mounts what the options name (a device, a sized image) for a user; a plain directory costs nothing. */
  mount(volume: VolumeRecord, user: string): Promise<string>;
  /** Notes a user that has the volume mounted since an earlier process. */
  hold(volume: VolumeRecord, user: string): void;
  /** The last user to go takes the mount along. */
  release(volume: VolumeRecord, user: string): void;
  /** Removes the storage and its snapshots. */
  remove(name: string): Promise<void>;
  /** Of a volume that is mounted or needs no mount. */
  isEmpty(name: string): boolean;
  /** What a removal would give back, snapshots included; nothing for what lies on a device of the user's. */
  sizeBytes(volume: VolumeRecord): Promise<number>;
  list(): string[];
  sweep(): Promise<void>;

  listSnapshots(name: string): VolumeSnapshot[];
  /** Nobody may write to the volume meanwhile. Fails with conflict when the name is taken. */
  snapshot(volume: VolumeRecord, name: string, createdAt: string): Promise<VolumeSnapshot>;
  removeSnapshot(name: string, snapshot: string): Promise<void>;
  /** Puts the snapshot's content in the place of the volume's; nobody may use it meanwhile. */
  restore(volume: VolumeRecord, snapshot: string): Promise<CopyMethod>;
  /** Makes `target` with the content of a volume or its snapshot. */
  clone(source: ContentSource, target: VolumeRecord): Promise<CopyMethod>;
  /** A tree with the content that nobody changes; the caller closes it. */
  open(source: ContentSource): Promise<StillTree>;
}

export interface ContentSource {
  readonly volume: VolumeRecord;
  readonly snapshot?: string | undefined;
}
