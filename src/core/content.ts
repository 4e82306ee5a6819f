import type { Readable } from "node:stream";
import type { Digest } from "../base/digest.ts";

/**
 * Blobs by digest: everything that comes from registries, archives and builds.
 *
 * A blob is visible under its digest only when whole and verified. `ingest` writes to a temporary file, hashes on
 * the way, compares, then renames; two writers of one blob both succeed and one file remains. Nothing here knows
 * who needs a blob: references live in the image repository, and `remove` is called by whoever swept them.
 */
export interface ContentStore {
  /** Size in bytes, or undefined when the blob is not here. */
  size(digest: Digest): number | undefined;
  /** File that holds the blob, for a child that reads it. Fails with notFound. */
  path(digest: Digest): string;
  /** Streams the blob. Fails with notFound. */
  open(digest: Digest): Readable;
  /** The whole blob, verified again against its digest; fails with dataLoss when it changed on disk. */
  read(digest: Digest): Promise<Uint8Array>;
  /**
   * Stores a stream. Fails with dataLoss when digest or size differ from `expected`, noSpace when the disk is full;
   * on failure nothing is left behind.
   */
  ingest(source: AsyncIterable<Uint8Array>, expected?: ExpectedBlob): Promise<Blob>;
  /** Removes the blob; quiet when it is not here. */
  remove(digest: Digest): void;
  list(): Iterable<Blob>;
}

export interface ExpectedBlob {
  readonly digest?: Digest;
  readonly sizeBytes?: number;
}

export interface Blob {
  readonly digest: Digest;
  readonly sizeBytes: number;
}
