import { shortId } from "../../base/id.ts";
import type { ImageIndex } from "../../core/image.ts";
import type { RegistryRepository } from "../../core/registry.ts";
import type { Descriptor } from "./manifest.ts";
import { pushStored } from "./push-stored.ts";
import type { ReportLine, TransferDeps } from "./transfers.ts";

export interface IndexPush {
  readonly repository: RegistryRepository;
  readonly tag: string;
  readonly report: ReportLine;
  readonly signal?: AbortSignal | undefined;
}

/** Pushes an index with all it names: blobs first, then the manifests, the index last. */
export async function pushIndex(deps: TransferDeps, push: IndexPush, index: ImageIndex): Promise<Descriptor> {
  const { repository, tag, report, signal } = push;
  const blobs = new Set(index.manifests.flatMap((manifest) => manifest.blobs));
  for (const digest of blobs) report({ status: "Preparing", progressDetail: {}, id: shortId(digest) });
  await Promise.all(
    [...blobs].map(async (digest) => {
      await pushStored(deps, push, { digest });
      report({ status: "Pushed", progressDetail: {}, id: shortId(digest) });
    }),
  );
  for (const { digest, mediaType } of index.manifests) {
    await repository.pushManifest(digest, { digest, mediaType, bytes: await deps.content.read(digest) }, signal);
  }
  const { digest, mediaType, sizeBytes } = index;
  await repository.pushManifest(tag, { digest, mediaType, bytes: await deps.content.read(digest) }, signal);
  report({ status: `${tag}: digest: ${digest} size: ${sizeBytes}` });
  report({ progressDetail: {}, aux: { Tag: tag, Digest: digest, Size: sizeBytes } });
  return { digest, mediaType, size: sizeBytes };
}
