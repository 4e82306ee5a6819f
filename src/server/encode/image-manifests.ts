import type { ImageManifestSummary, OCIDescriptor } from "../../api/generated/engine-api.ts";
import type { ContentStore } from "../../core/content.ts";
import type { ImageIndex, ImageRecord, IndexedManifest } from "../../core/image.ts";

export const encodeIndexDescriptor = ({ digest, mediaType, sizeBytes }: ImageIndex): OCIDescriptor => ({
  ...{ mediaType, digest, size: sizeBytes },
});

/** What an index names: images, of which the engine runs the first kind, and what attests to them. */
export const encodeManifests = (
  content: ContentStore,
  image: ImageRecord,
  { manifests }: ImageIndex,
): ImageManifestSummary[] => manifests.map((manifest) => encodeManifest(content, image, manifest));

function encodeManifest(content: ContentStore, image: ImageRecord, manifest: IndexedManifest): ImageManifestSummary {
  const { digest, mediaType, sizeBytes, platform, attestsTo, blobs } = manifest;
  const Content = blobs.reduce((sum, blob) => sum + (content.size(blob) ?? 0), sizeBytes);
  const isUnpacked = blobs.includes(image.id);
  const Unpacked = isUnpacked ? image.sizeBytes : 0;
  const of = attestsTo ? { architecture: "unknown", os: "unknown" } : platform!;
  return {
    ID: digest,
    Descriptor: { mediaType, digest, size: sizeBytes, platform: of },
    Available: blobs.every((blob) => content.size(blob) !== undefined),
    Size: { Content, Total: Content + Unpacked },
    Kind: attestsTo ? "attestation" : "image",
    ...(attestsTo
      ? { AttestationData: { For: attestsTo } }
      : { ImageData: { Platform: of, Containers: [], Size: { Unpacked } } }),
  } as ImageManifestSummary;
}
