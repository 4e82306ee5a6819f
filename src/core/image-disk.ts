import type { ChainId } from "./snapshot.ts";

/**
 * Images as read-only disks, for workloads with a kernel of their own. A disk is made on first need, appears whole or
 * not at all, and is shared by all instances of the same layers; it goes with the uppermost of its layers.
 */
export interface ImageDisks {
  /** Path of the disk with the stack of layers, bottom first. */
  ensure(layers: readonly ChainId[]): Promise<string>;
  /** Removes the disk of the stack that ends in this layer; quiet when there is none. */
  remove(top: ChainId): void;
  /** What all disks take, in bytes. */
  usedBytes(): number;
  /** Removes what an earlier process left half-made. */
  sweep(): void;
}
