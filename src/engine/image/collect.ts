import type { Digest } from "../../base/digest.ts";
import type { ImageLayer, ImageRecord } from "../../core/image.ts";
import type { ImageDeps } from "../deps.ts";
import { additionsTo } from "./additions.ts";
import { blobsOfIndex, namedIndexes } from "./image-index.ts";

/**
 * Removes the blobs and layers that no image names and no root stands on; while images are being added, right after
 * the last of them. Run it after removing images, after removing a root whose image is gone, and at start.
 */
export function collectUnused(deps: ImageDeps): Promise<void> {
  return additionsTo(deps.images).collect(async () => {
    const images = deps.images.list();
    const cached = deps.buildCache.list().map(({ layer }) => layer);
    removeBlobs(deps, new Set([...blobsOf(images), ...indexedBlobs(deps, images), ...cached.map(({ blob }) => blob)]));
    await removeLayers(deps, [...images.flatMap(({ layers }) => layers), ...cached]);
  });
}

/** Collects, and reports images whose blobs or layers are not all here. */
export async function sweepImages(deps: ImageDeps): Promise<void> {
  for (const image of deps.images.list()) {
    const missing = image.layers.filter((layer) => !deps.snapshots.hasLayer(layer.chainId)).length;
    const noConfig = deps.content.size(image.id) === undefined;
    if (missing > 0 || noConfig)
      deps.log.error("image is damaged", { image: image.id, missingLayers: missing, noConfig });
  }
  await collectUnused(deps);
}

/** Every blob the images need: configs, manifests, layers. */
export function blobsOf(images: readonly ImageRecord[]): Set<Digest> {
  return new Set(
    images.flatMap((image) => [
      image.id,
      ...(image.manifest ? [image.manifest.digest] : []),
      ...image.layers.map((layer) => layer.blob),
    ]),
  );
}

/** Of indexes whose names still point at their images. */
const indexedBlobs = ({ images }: ImageDeps, all: readonly ImageRecord[]): Digest[] =>
  all.flatMap((image) => namedIndexes(images, image).flatMap(blobsOfIndex));

function removeBlobs({ content }: ImageDeps, needed: ReadonlySet<Digest>): void {
  for (const { digest } of content.list()) if (!needed.has(digest)) content.remove(digest);
}

async function removeLayers({ snapshots, imageDisks }: ImageDeps, layers: readonly ImageLayer[]): Promise<void> {
  const needed = snapshots.layersInUse();
  for (const { chainId } of layers) needed.add(chainId);
  const unused = [...snapshots.listLayers()].filter((chainId) => !needed.has(chainId));
  for (const chainId of unused) imageDisks.remove(chainId);
  await Promise.all(unused.map((chainId) => snapshots.removeLayer(chainId)));
}
