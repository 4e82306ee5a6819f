import type { Digest } from "../../base/digest.ts";
import type { ImageIndex, ImageRecord, ImageRepository } from "../../core/image.ts";
import type { ImageDeps } from "../deps.ts";

type Store = Pick<ImageDeps, "images" | "content">;

/** The index that goes by a full name of the image; undefined without one, or when not all of it is here. */
export function indexNamed({ images, content }: Store, image: ImageRecord, name: string): ImageIndex | undefined {
  const index = images.resolveName(name) === image.id ? image.indexes?.[name] : undefined;
  return index && blobsOfIndex(index).every((digest) => content.size(digest) !== undefined) ? index : undefined;
}

/** Indexes whose names still point at the image. */
export const namedIndexes = (images: ImageRepository, image: ImageRecord): ImageIndex[] =>
  Object.entries(image.indexes ?? {})
    .filter(([name]) => images.resolveName(name) === image.id)
    .map(([, index]) => index);

/** The first index of any of the image's names. */
export const anyIndex = (deps: Store, image: ImageRecord): ImageIndex | undefined =>
  Object.keys(image.indexes ?? {})
    .map((name) => indexNamed(deps, image, name))
    .find((index) => index !== undefined);

/** The index itself, its manifests, and what those name. */
export const blobsOfIndex = ({ digest, manifests }: ImageIndex): Digest[] => [
  digest,
  ...manifests.flatMap((manifest) => [manifest.digest, ...manifest.blobs]),
];

/** The record's indexes once names have come to it, which stand for an index or for the image alone. */
export function indexesWith(
  known: ImageRecord["indexes"],
  names: readonly string[],
  index: ImageIndex | undefined,
): Pick<ImageRecord, "indexes"> {
  const kept = Object.entries(known ?? {}).filter(([name]) => !names.includes(name));
  const indexes = Object.fromEntries([...kept, ...(index ? names.map((name) => [name, index] as const) : [])]);
  return Object.keys(indexes).length === 0 ? {} : { indexes };
}
