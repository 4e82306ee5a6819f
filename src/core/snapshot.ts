import type { Readable } from "node:stream";
import type { Digest } from "../base/digest.ts";
import type { MappedUsers } from "./mapped-users.ts";

/** Digest over a stack of uncompressed layers, as OCI defines it; names an unpacked layer with all below it. */
export type ChainId = Digest;

/**
 * Root file systems: unpacked read-only layers, and writable roots stacked on them.
 *
 * Layer: absent → (`applyLayer`) present → (`removeLayer`) absent. It appears whole or not at all; applying a
 * present layer does nothing. Root: absent → (`prepare`) prepared ⇄ (`mount`/`unmount`) mounted → (`removeRoot`).
 * `mount` of a mounted root and `unmount` of an unmounted one do nothing, so a start after a crash may repeat them.
 */
export interface SnapshotStore {
  hasLayer(chainId: ChainId): boolean;
  /**
   * Unpacks a layer blob (tar, plain or gzip or zstd) in a child confined to the target, and checks the uncompressed
   * stream against `diffId` (dataLoss). Hostile entries fail with invalid. On failure nothing is left.
   */
  applyLayer(layer: LayerSource): Promise<LayerUsage>;
  /**
   * Makes a root's changes the layer, without copying them; the root is gone afterwards. The caller has stored what
   * `diff` gave, from which it knows the chain id. A layer that is present already stays as it is. With `sharedAs`, its
   * diff id, other chains can share its files.
   */
  adoptRoot(rootId: string, layer: AdoptedLayer): Promise<void>;
  removeLayer(chainId: ChainId): Promise<void>;
  listLayers(): Iterable<ChainId>;
  /** Names where a layer's files lie: the same for layers that share them. */
  placeOf(chainId: ChainId): string;

  /**
   * Lets roots be prepared for users of a namespace, who then see the ids that the layers have, and whose files get ids as if
   * they were the machine's. Fails where the kernel or the file system cannot. What an earlier process showed is gone.
   */
  showTo(users: MappedUsers): Promise<void>;
  /** Makes a writable root over the layers, bottom first. Under 5 ms: it only makes directories. */
  prepare(rootId: string, layers: readonly ChainId[], options?: RootOptions): void;
  /** As `prepare`, with no more than so many bytes of its own; fails with unavailable where that cannot be had. */
  prepareSized(rootId: string, layers: readonly ChainId[], bytes: number): Promise<void>;
  /** Mounts the root and returns its path. */
  mount(rootId: string): string;
  unmount(rootId: string): void;
  /** Unmounts and removes; quiet when absent. */
  removeRoot(rootId: string): Promise<void>;
  listRoots(): Iterable<string>;
  /** Layers that roots stand on; they must not be removed. */
  layersInUse(): Set<ChainId>;
  /** What the root holds beyond its layers. */
  usage(rootId: string): Promise<RootUsage>;
  changes(rootId: string): Promise<Change[]>;
  /** Puts the changes that an OCI layer holds in the place of the root's own, but for empty places to mount on that it was prepared with. */
  replaceChanges(rootId: string, layer: Readable): Promise<void>;
  /** The root's changes as an OCI layer (tar with whiteouts). */
  diff(rootId: string, options?: DiffOptions): Readable;
}

export interface RootOptions {
  /** Paths for something to be mounted on, which are there without being among the root's changes. */
  readonly places?: readonly MountPlace[];
  /**
   * Only what the layers hold, without the files and directories that a runtime mounts on. Without layers either, what is
   * written is a layer that fits on any others.
   */
  readonly bare?: boolean;
  /** For the users that `showTo` named. */
  readonly mapped?: boolean;
}

export interface MountPlace {
  readonly path: string;
  readonly kind: "directory" | "file";
}

export interface DiffOptions {
  /** Later times become this one, in nanoseconds since 1970, so that the same steps give the same bytes. */
  readonly latestNanos?: bigint | undefined;
  /** Told when all was read: what the layer will take. */
  readonly onUsage?: (usage: LayerUsage) => void;
}

export interface AdoptedLayer {
  readonly chainId: ChainId;
  readonly usage: LayerUsage;
  readonly sharedAs?: Digest | undefined;
}

export interface LayerSource {
  readonly chainId: ChainId;
  /** Chain id of the layer below, undefined for the lowest. */
  readonly parent: ChainId | undefined;
  readonly diffId: Digest;
  /** Stored blob to unpack. */
  readonly blob: Digest;
  /** Other chains can share the layer's files, and it takes those of one that does: then the blob is not read. */
  readonly shared?: boolean;
  /** Called with bytes of the blob read so far. */
  readonly onProgress?: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

export interface LayerUsage {
  readonly sizeBytes: number;
  readonly inodes: number;
}

export interface RootUsage {
  readonly sizeBytes: number;
}

export interface Change {
  /** Absolute path within the root. */
  readonly path: string;
  readonly kind: "modified" | "added" | "deleted";
}
