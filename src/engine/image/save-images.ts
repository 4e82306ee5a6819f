import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { type Digest, hexOf } from "../../base/digest.ts";
import { IsleError } from "../../base/error.ts";
import { familiarReference, parseReference } from "../../base/reference.ts";
import { encodeEntry, endOfArchive, padding } from "../../base/tar/encode.ts";
import { tarEntry } from "../../base/tar/entry.ts";
import type { ImageRecord } from "../../core/image.ts";
import type { ImageDeps } from "../deps.ts";
import { findImage } from "./find-image.ts";
import { publishImageEvent } from "./image-events.ts";
import { type Descriptor, type Manifest, mediaTypes, ociManifest } from "./manifest.ts";

interface Saved {
  readonly image: ImageRecord;
  /** Full names that were asked for. */
  readonly names: string[];
  readonly manifest: Manifest;
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
  return Readable.from(writeArchive(deps, saved), { objectMode: false, highWaterMark: 1 << 20 });
}

function collectSaved(deps: ImageDeps, texts: readonly string[]): Saved[] {
  const saved = new Map<Digest, Saved>();
  for (const text of texts) {
    const { image, name } = findImage(deps.images, text);
    const entry = saved.get(image.id) ?? describe(deps, image);
    if (name && !name.includes("@") && !entry.names.includes(name)) entry.names.push(name);
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
  return { image, names: [], manifest, manifestBytes, manifestDigest: digestOf(manifestBytes) };
}

const digestOf = (bytes: Buffer): Digest => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

async function* writeArchive(deps: ImageDeps, saved: readonly Saved[]): AsyncGenerator<Buffer, void> {
  yield encodeEntry(tarEntry("blobs/", "directory"));
  yield encodeEntry(tarEntry("blobs/sha256/", "directory"));
  const written = new Set<Digest>();
  for (const { image, manifestBytes, manifestDigest } of saved) {
    for (const digest of [...image.layers.map((layer) => layer.blob), image.id]) {
      if (!written.has(digest)) yield* blobFile(deps, digest);
      written.add(digest);
    }
    yield* file(blobPath(manifestDigest), manifestBytes);
  }
  yield* file(
    "index.json",
    json({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: saved.flatMap(descriptors) }),
  );
  yield* file("manifest.json", json(saved.map(dockerEntry)));
  yield* file("oci-layout", json({ imageLayoutVersion: "1.0.0" }));
  yield endOfArchive();
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const blobPath = (digest: Digest): string => `blobs/sha256/${hexOf(digest)}`;

function* file(name: string, bytes: Buffer): Generator<Buffer, void> {
  yield encodeEntry(tarEntry(name, "file", { sizeBytes: bytes.length }));
  yield bytes;
  yield padding(bytes.length);
}

/** Streams a blob and breaks off when it is not what its digest says. */
async function* blobFile({ content }: ImageDeps, digest: Digest): AsyncGenerator<Buffer, void> {
  const sizeBytes = content.size(digest) ?? 0;
  const hash = createHash("sha256");
  let left = sizeBytes;
  yield encodeEntry(tarEntry(blobPath(digest), "file", { sizeBytes }));
  for await (const chunk of content.open(digest) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    left -= chunk.length;
    if (left < 0) break;
    yield chunk;
  }
  if (left !== 0 || hash.digest("hex") !== hexOf(digest)) {
    throw new IsleError("dataLoss", `blob ${digest} changed on disk`, { hint: "remove the image and get it again" });
  }
  yield padding(sizeBytes);
}

function descriptors({ image, names, manifestBytes, manifestDigest }: Saved): Descriptor[] {
  const { os, architecture, variant } = image.config;
  const bare: Descriptor = {
    mediaType: mediaTypes.manifest,
    digest: manifestDigest,
    size: manifestBytes.length,
    platform: { os, architecture, ...(variant && { variant }) },
  };
  if (names.length === 0) return [bare];
  return names.map((name) => ({
    ...bare,
    annotations: {
      "io.containerd.image.name": name,
      "org.opencontainers.image.ref.name": parseReference(name).tag ?? "latest",
    },
  }));
}

const dockerEntry = ({ image, names }: Saved) => ({
  Config: blobPath(image.id),
  RepoTags: names.map((name) => familiarReference(parseReference(name))),
  Layers: image.layers.map((layer) => blobPath(layer.blob)),
});
