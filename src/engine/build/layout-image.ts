import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { invalid } from "../../base/error.ts";
import { hostPlatform, type Platform, platformMatches } from "../../base/platform.ts";
import { encodeEntry, encodeFile, endOfArchive, padding } from "../../base/tar/encode.ts";
import { tarEntry } from "../../base/tar/entry.ts";
import { loadImages } from "../image/load-images.ts";
import { type Descriptor, type Index, isIndexType, type Manifest, mediaTypes } from "../image/manifest.ts";
import { removeImage } from "../image/remove-image.ts";
import type { BuildDeps } from "./deps.ts";

/** An OCI layout that a client has: it hands its blobs out. */
export interface ClientLayout {
  /** Of the image's manifest or index. */
  readonly digest: string;
  readonly platform: Platform | undefined;
  open(digest: string): AsyncIterable<Uint8Array>;
}

/** An image in the engine's store, until it is released. */
export interface LayoutImage {
  readonly id: string;
  release(): Promise<void>;
}

const maxDocumentBytes = 4 << 20;

/** Takes an image out of a client's layout, for one platform. Fails with invalid where the layout does not hold it. */
export async function imageOfLayout(deps: BuildDeps, layout: ClientLayout): Promise<LayoutImage> {
  const manifest = await manifestOf(layout, layout.digest, 0);
  const before = new Set(deps.images.list().map(({ id }) => id));
  const source = Readable.from(archiveOf(layout, manifest), { objectMode: false });
  const [image] = await loadImages(deps, { source, onProgress: () => {} });
  if (image === undefined) throw invalid(`the layout holds no image ${layout.digest}`);
  return {
    id: image.id,
    async release() {
      // What the build made of it holds its own layers.
      if (!before.has(image.id) && deps.images.namesOf(image.id).length === 0) {
        await removeImage(deps, image.id, { keepParents: true }).catch(() => []);
      }
    },
  };
}

interface FoundManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
  readonly manifest: Manifest;
}

/** An index stands for the image of the platform in it. */
async function manifestOf(layout: ClientLayout, digest: string, depth: number): Promise<FoundManifest> {
  const bytes = await documentOf(layout, digest);
  let document: Manifest | Index;
  try {
    document = JSON.parse(bytes.toString()) as Manifest | Index;
  } catch {
    throw invalid(`${digest} of the layout is no manifest`);
  }
  if ("config" in document && Array.isArray(document.layers)) {
    const mediaType = document.mediaType ?? mediaTypes.manifest;
    return { descriptor: { mediaType, digest, size: bytes.length } as Descriptor, bytes, manifest: document };
  }
  const { manifests = [] } = document as Index;
  const wanted = layout.platform ?? hostPlatform();
  const chosen = manifests.find(({ platform }) => platform && platformMatches(wanted, platform)) ?? manifests[0];
  if (chosen === undefined || depth > 3) throw invalid(`${digest} of the layout holds no image`);
  if (!isIndexType(chosen.mediaType) && chosen.size > maxDocumentBytes) throw invalid("a manifest is too large");
  return await manifestOf(layout, chosen.digest, depth + 1);
}

/** The client's word for a digest is not taken. */
async function documentOf({ open }: ClientLayout, digest: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of open(digest)) {
    chunks.push(Uint8Array.from(chunk));
    bytes += chunk.length;
    if (bytes > maxDocumentBytes) throw invalid(`${digest} of the layout is too large for a manifest`);
  }
  const document = Buffer.concat(chunks);
  const found = `sha256:${createHash("sha256").update(document).digest("hex")}`;
  if (found !== digest) throw invalid(`${digest} of the layout has the digest ${found}`);
  return document;
}

/** As `isle load` reads it; that holds each blob against its digest. */
async function* archiveOf(
  layout: ClientLayout,
  { descriptor, bytes, manifest }: FoundManifest,
): AsyncGenerator<Uint8Array, void> {
  yield* encodeFile("oci-layout", Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
  yield* encodeFile("index.json", Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [descriptor] })));
  yield* encodeFile(nameOf(descriptor.digest), bytes);
  const blobs = new Map([manifest.config, ...manifest.layers].map((blob) => [blob.digest, blob.size]));
  for (const [digest, size] of blobs) {
    yield encodeEntry(tarEntry(nameOf(digest), "file", { sizeBytes: size }));
    let left = size;
    for await (const chunk of layout.open(digest)) {
      left -= chunk.length;
      if (left < 0) break;
      yield chunk;
    }
    if (left !== 0) throw invalid(`${digest} of the layout has not the size that its manifest tells`);
    yield padding(size);
  }
  yield endOfArchive();
}

function nameOf(digest: string): string {
  if (!/^sha256:[a-f0-9]{64}$/.test(digest)) throw invalid(`invalid digest ${digest} in the layout`);
  return `blobs/sha256/${digest.slice("sha256:".length)}`;
}
