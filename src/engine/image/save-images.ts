import { Readable } from "node:stream";
import type { Digest } from "../../base/digest.ts";
import { IsleError } from "../../base/error.ts";
import type { ImageIndex, ImageRecord } from "../../core/image.ts";
import type { ImageDeps } from "../deps.ts";
import { findImage } from "./find-image.ts";
import { type ArchiveBlob, digestOfBytes, dockerEntry, namedDescriptors, writeImageArchive } from "./image-archive.ts";
import { publishImageEvent } from "./image-events.ts";
import { blobsOfIndex, indexNamed } from "./image-index.ts";
import { type Descriptor, mediaTypes, ociManifest } from "./manifest.ts";

interface Saved {
  readonly image: ImageRecord;
  /** Full names that were asked for. */
  readonly names: string[];
  /** Names that stand for an index, with that. */
  readonly indexes: Map<string, ImageIndex>;
  readonly manifestBytes: Buffer;
  readonly manifestDigest: Digest;
}

/**
 * Images as one tar that is an OCI layout and a docker-archive at once. Names that cannot be found fail at once with
 * notFound; a blob that changed on disk breaks the stream with dataLoss.
 */
export function saveImages(deps: ImageDeps, texts: readonly string[]): Readable {
  const saved = collectSaved(deps, texts);
  for (const { image, names } of saved) {
    publishImageEvent(deps, "save", { id: image.id, image, name: names[0] ?? image.id });
  }
  const archive = {
    blobs: saved.flatMap(blobs),
    index: saved.flatMap(descriptors),
    dockerEntries: saved.map(({ image, names, indexes }) =>
      dockerEntry(image.id, image.layers, [...names, ...indexes.keys()]),
    ),
  };
  return Readable.from(writeImageArchive(deps.content, archive), { objectMode: false, highWaterMark: 1 << 20 });
}

function collectSaved(deps: ImageDeps, texts: readonly string[]): Saved[] {
  const saved = new Map<Digest, Saved>();
  for (const text of texts) {
    const { image, name } = findImage(deps.images, text);
    const entry = saved.get(image.id) ?? describe(deps, image);
    const index = name === undefined ? undefined : indexNamed(deps, image, name);
    if (index) entry.indexes.set(name!, index);
    else if (name && !name.includes("@") && !entry.names.includes(name)) entry.names.push(name);
    saved.set(image.id, entry);
  }
  return [...saved.values()];
}

function describe(deps: ImageDeps, image: ImageRecord): Saved {
  const sizeBytes = deps.content.size(image.id);
  const missing = sizeBytes === undefined ? image.id : image.layers.find(({ blob }) => !deps.content.size(blob))?.blob;
  if (missing) throw new IsleError("dataLoss", `blob ${missing} of image ${image.id} is missing`);
  const manifest = ociManifest({ digest: image.id, sizeBytes: sizeBytes! }, image.layers);
  const manifestBytes = Buffer.from(JSON.stringify(manifest));
  return { image, names: [], indexes: new Map(), manifestBytes, manifestDigest: digestOfBytes(manifestBytes) };
}

const blobs = ({ image, indexes, manifestBytes, manifestDigest }: Saved): ArchiveBlob[] => [
  ...image.layers.map(({ blob }) => ({ digest: blob })),
  { digest: image.id },
  { digest: manifestDigest, bytes: manifestBytes },
  ...[...indexes.values()].flatMap(blobsOfIndex).map((digest) => ({ digest })),
];

function descriptors({ image, names, indexes, manifestBytes, manifestDigest }: Saved): Descriptor[] {
  const named = [...indexes].flatMap(([name, { digest, mediaType, sizeBytes }]) =>
    namedDescriptors({ mediaType, digest, size: sizeBytes }, [name]),
  );
  if (named.length > 0 && names.length === 0) return named;
  const { os, architecture, variant } = image.config;
  const bare: Descriptor = {
    mediaType: mediaTypes.manifest,
    digest: manifestDigest,
    size: manifestBytes.length,
    platform: { os, architecture, ...(variant && { variant }) },
  };
  return [...named, ...namedDescriptors(bare, names)];
}
