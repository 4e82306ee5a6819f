import type { Digest } from "../../base/digest.ts";
import type { Platform } from "../../base/platform.ts";
import type { ImageLayer } from "../../core/image.ts";

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Index {
  readonly schemaVersion?: 2;
  readonly mediaType?: string;
  readonly manifests?: readonly Descriptor[];
}

export const mediaTypes = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
} as const;

export const isIndexType = (mediaType: string): boolean =>
  mediaType === mediaTypes.index || mediaType === "application/vnd.docker.distribution.manifest.list.v2+json";

/** An OCI manifest that names the image's stored blobs. */
export function ociManifest(config: { digest: Digest; sizeBytes: number }, layers: readonly ImageLayer[]): Manifest {
  return {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, digest: config.digest, size: config.sizeBytes },
    layers: layers.map(({ blob, mediaType, blobBytes }) => ({
      mediaType: ociLayerType(mediaType),
      digest: blob,
      size: blobBytes,
    })),
  };
}

/** Docker's names for layer types in OCI's words. */
export function ociLayerType(mediaType: string): string {
  const compression = /(?:[.+])(gzip|zstd)$/.exec(mediaType)?.[1];
  return compression ? `${mediaTypes.layer}+${compression}` : mediaTypes.layer;
}

const dockerTypes = {
  manifest: "application/vnd.docker.distribution.manifest.v2+json",
  config: "application/vnd.docker.container.image.v1+json",
  layer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
};

/** A manifest of Docker's schema 2. */
export function dockerManifest(config: { digest: Digest; sizeBytes: number }, layers: readonly ImageLayer[]): Manifest {
  return {
    schemaVersion: 2,
    mediaType: dockerTypes.manifest,
    config: { mediaType: dockerTypes.config, size: config.sizeBytes, digest: config.digest },
    layers: layers.map(({ blob, mediaType, blobBytes }) => ({
      mediaType: mediaType.endsWith("zstd") ? mediaType : dockerTypes.layer,
      size: blobBytes,
      digest: blob,
    })),
  };
}
