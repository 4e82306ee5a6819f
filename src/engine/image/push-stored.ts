import { Readable } from "node:stream";
import type { RegistryRepository } from "../../core/registry.ts";
import type { ArchiveBlob } from "./image-archive.ts";
import type { TransferDeps } from "./transfers.ts";

/** Brings a blob of the store, or bytes at hand, into a repository that does not have it. */
export async function pushStored(
  { content, transfers }: TransferDeps,
  { repository, signal }: { readonly repository: RegistryRepository; readonly signal?: AbortSignal | undefined },
  { digest, bytes }: ArchiveBlob,
): Promise<void> {
  const release = await transfers.uploads.take(signal);
  try {
    if (await repository.hasBlob(digest, signal)) return;
    const blob = bytes
      ? { sizeBytes: bytes.length, open: () => Readable.from([Buffer.from(bytes)], { objectMode: false }) }
      : { sizeBytes: content.size(digest) ?? 0, open: () => content.open(digest) };
    await repository.pushBlob({ digest, ...blob }, signal);
  } finally {
    release();
  }
}
