import { createHash } from "node:crypto";
import { type Digest, hexOf } from "../../base/digest.ts";
import { IsleError } from "../../base/error.ts";
import { familiarReference, parseReference } from "../../base/reference.ts";
import { encodeEntry, endOfArchive, padding } from "../../base/tar/encode.ts";
import { tarEntry } from "../../base/tar/entry.ts";
import type { ContentStore } from "../../core/content.ts";
import { type Descriptor, mediaTypes } from "./manifest.ts";

/** A blob of an archive: one of the store's, or bytes at hand. */
export interface ArchiveBlob {
  readonly digest: Digest;
  readonly bytes?: Uint8Array;
}

export interface ImageArchive {
  /** In the order in which they are written; one that comes again is left out. */
  readonly blobs: readonly ArchiveBlob[];
  readonly index: readonly Descriptor[];
  /** What docker-archives list; undefined for an OCI layout alone. */
  readonly dockerEntries: readonly DockerEntry[] | undefined;
}

export interface DockerEntry {
  readonly Config: string;
  readonly RepoTags: readonly string[];
  readonly Layers: readonly string[];
}

/** Images as a tar: an OCI layout, and a docker-archive at once. A blob that changed on disk breaks it with dataLoss. */
export async function* writeImageArchive(
  content: ContentStore,
  { blobs, index, dockerEntries }: ImageArchive,
): AsyncGenerator<Buffer, void> {
  yield encodeEntry(tarEntry("blobs/", "directory"));
  yield encodeEntry(tarEntry("blobs/sha256/", "directory"));
  const written = new Set<Digest>();
  for (const { digest, bytes } of blobs) {
    if (written.has(digest)) continue;
    written.add(digest);
    if (bytes) yield* file(blobPath(digest), Buffer.from(bytes));
    else yield* storedFile(content, digest);
  }
  yield* file("index.json", json({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: index }));
  if (dockerEntries) yield* file("manifest.json", json(dockerEntries));
  yield* file("oci-layout", json({ imageLayoutVersion: "1.0.0" }));
  yield endOfArchive();
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
export const blobPath = (digest: Digest): string => `blobs/sha256/${hexOf(digest)}`;

function* file(name: string, bytes: Buffer): Generator<Buffer, void> {
  yield encodeEntry(tarEntry(name, "file", { sizeBytes: bytes.length }));
  yield bytes;
  yield padding(bytes.length);
}

/** Streams a blob and breaks off when it is not what its digest says. */
async function* storedFile(content: ContentStore, digest: Digest): AsyncGenerator<Buffer, void> {
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

/** A descriptor for each of the names, in the words of containerd and of OCI; the bare one without any. */
export function namedDescriptors(bare: Descriptor, names: readonly string[]): Descriptor[] {
  if (names.length === 0) return [bare];
  return names.map((name) => ({
    ...bare,
    annotations: {
      ...bare.annotations,
      "io.containerd.image.name": name,
      "org.opencontainers.image.ref.name": parseReference(name).tag ?? "latest",
    },
  }));
}

export const dockerEntry = (
  config: Digest,
  layers: readonly { readonly blob: Digest }[],
  names: readonly string[],
): DockerEntry => ({
  Config: blobPath(config),
  RepoTags: names.map((name) => familiarReference(parseReference(name))),
  Layers: layers.map(({ blob }) => blobPath(blob)),
});

export const digestOfBytes = (bytes: Uint8Array): Digest =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
