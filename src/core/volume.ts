/** A named directory that outlives the instances that mount it. */
export interface VolumeRecord {
  readonly name: string;
  readonly driver: "local";
  readonly createdAt: string;
  readonly labels: Readonly<Record<string, string>>;
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

/** Where volumes lie. `create` is quiet when the directory is there. */
export interface VolumeDriver {
  path(name: string): string;
  create(volume: VolumeRecord): void;
  /** Mounts what the driver options name (tmpfs, bind, nfs); quiet for a plain directory or when mounted. */
  mount(volume: VolumeRecord): string;
  unmount(name: string): void;
  remove(name: string): Promise<void>;
  isEmpty(name: string): boolean;
  sizeBytes(name: string): Promise<number>;
  list(): string[];
}
