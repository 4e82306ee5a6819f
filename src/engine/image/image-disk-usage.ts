import type { ImageDeps } from "../deps.ts";
import { type ListedImage, listImages } from "./list-images.ts";
import { layerBytes } from "./prune-images.ts";

export interface ImageDiskUsage {
  /** All unpacked layers, each counted once. */
  readonly layerBytes: number;
  /** Blobs in the content store, which stand beside the unpacked layers. */
  readonly blobBytes: number;
  readonly images: ReadonlyArray<ListedImage & { readonly users: number }>;
}

export function imageDiskUsage(deps: ImageDeps): ImageDiskUsage {
  return {
    layerBytes: layerBytes(deps),
    blobBytes: [...deps.content.list()].reduce((sum, blob) => sum + blob.sizeBytes, 0),
    images: listImages(deps, { all: true, sharedSize: true }).map((listed) => ({
      ...listed,
      users: deps.imageUsers(listed.image.id).length,
    })),
  };
}
