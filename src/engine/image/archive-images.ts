import { type Compression, sniffCompression } from "../../base/compression.ts";
import type { Digest } from "../../base/digest.ts";
import { invalid, isCode, messageOf, notFound } from "../../base/error.ts";
import { formatPlatform, hostPlatform, type Platform, platformMatches } from "../../base/platform.ts";
import type { Blob, ContentStore } from "../../core/content.ts";
import type { ImageIndex } from "../../core/image.ts";
import type { LayerBlob } from "./add-image.ts";
import { parseImageConfig } from "./add-image.ts";
import type { ArchiveFiles } from "./archive-files.ts";
import { fullTag } from "./image-name.ts";
import { type Descriptor, type Index, isIndexType, type Manifest, mediaTypes } from "./manifest.ts";
import { wholeIndex } from "./whole-index.ts";

/** One image that an archive holds, ready to be added. */
export interface ArchiveImage {
  readonly configBytes: Uint8Array;
  readonly layers: readonly LayerBlob[];
  readonly names: readonly string[];
  readonly manifest?: { readonly digest: Digest; readonly mediaType: string };
  /** What goes by the names, where the archive holds all of it. */
  readonly index?: ImageIndex | undefined;
}

/** The images of a docker-archive (`manifest.json`) or an OCI layout (`index.json`), for one platform. */
export async function archiveImages(
  content: ContentStore,
  files: ArchiveFiles,
  platform: Platform | undefined,
): Promise<ArchiveImage[]> {
  const manifest = files.documents.get("manifest.json");
  const index = files.documents.get("index.json");
  if (manifest) {
    const images = await dockerImages({ content, files, platform }, parseDocument("manifest.json", manifest));
    if (!index || platform) return images;
    return withIndexes(images, await indexesByName(content, parseDocument("index.json", index) as Index));
  }
  if (index) return await layoutImages({ content, platform }, parseDocument("index.json", index) as Index);
  throw invalid("the archive holds no image", { hint: "it has neither manifest.json nor index.json" });
}

/** Indexes that an archive of both kinds holds whole, by the names they have there. */
async function indexesByName(content: ContentStore, { manifests = [] }: Index): Promise<Map<string, ImageIndex>> {
  const found = new Map<string, ImageIndex>();
  for (const descriptor of manifests) {
    const index = await wholeIndex(content, descriptor);
    for (const name of index ? nameOf(descriptor) : []) found.set(name, index!);
  }
  return found;
}

/** The images once more for each name that stands for an index. */
const withIndexes = (images: readonly ArchiveImage[], indexes: ReadonlyMap<string, ImageIndex>): ArchiveImage[] =>
  images.flatMap((image) => {
    const named = image.names.filter((name) => indexes.has(name));
    const bare = image.names.filter((name) => !indexes.has(name));
    const each = named.map((name) => ({ ...image, names: [name], index: indexes.get(name) }));
    return named.length > 0 && bare.length === 0 ? each : [{ ...image, names: bare }, ...each];
  });

interface DockerEntry {
  Config?: string;
  RepoTags?: string[] | null;
  Layers?: string[] | null;
}

async function dockerImages(
  { content, files, platform }: { content: ContentStore; files: ArchiveFiles; platform: Platform | undefined },
  entries: unknown,
): Promise<ArchiveImage[]> {
  if (!Array.isArray(entries)) throw invalid("manifest.json in the archive is no list");
  const images: ArchiveImage[] = [];
  for (const { Config = "", RepoTags, Layers } of entries as DockerEntry[]) {
    const configBytes = await content.read(blobAt(files, Config).digest);
    checkPlatform(configBytes, platform);
    const layers = (Layers ?? []).map((path) => ({ path, blob: blobAt(files, path) }));
    images.push({
      configBytes,
      layers: await Promise.all(layers.map(({ blob }) => layerOf(content, blob))),
      names: (RepoTags ?? []).map(fullTag),
    });
  }
  return images;
}

/** A docker-archive does not say whether its layers are compressed. */
async function layerOf(content: ContentStore, { digest, sizeBytes }: Blob): Promise<LayerBlob> {
  const source = content.open(digest);
  let compression: Compression = "none";
  for await (const chunk of source as AsyncIterable<Uint8Array>) {
    compression = sniffCompression(chunk.subarray(0, 6));
    break;
  }
  source.destroy();
  const suffix = compression === "gzip" || compression === "zstd" ? `+${compression}` : "";
  return { blob: digest, blobBytes: sizeBytes, mediaType: `${mediaTypes.layer}${suffix}` };
}

function blobAt({ blobs }: ArchiveFiles, path: string): Blob {
  const blob = blobs.get(path.replace(/^\.\//, ""));
  if (!blob) throw invalid(`the archive's manifest names ${path || "no config"}, which is not in the archive`);
  return blob;
}

function checkPlatform(configBytes: Uint8Array, platform: Platform | undefined): void {
  const config = parseImageConfig(configBytes);
  if (!platform || platformMatches(platform, config)) return;
  throw notFound(`the archive's image is for ${formatPlatform(config)}, not for ${formatPlatform(platform)}`);
}

async function layoutImages(
  { content, platform }: { content: ContentStore; platform: Platform | undefined },
  index: Index,
): Promise<ArchiveImage[]> {
  const images: ArchiveImage[] = [];
  for (const descriptor of index.manifests ?? []) {
    const chosen = await chooseManifest(content, descriptor, platform);
    const manifest = (await readJson(content, chosen)) as Manifest;
    const configBytes = await readBlob(content, manifest.config);
    checkPlatform(configBytes, platform);
    images.push({
      configBytes,
      layers: manifest.layers.map((layer) => ({
        blob: layer.digest,
        blobBytes: layer.size,
        mediaType: layer.mediaType,
      })),
      names: nameOf(descriptor),
      manifest: { digest: chosen.digest, mediaType: chosen.mediaType },
      index: platform ? undefined : await wholeIndex(content, descriptor),
    });
  }
  if (images.length === 0) throw invalid("the archive holds no image");
  return images;
}

/** Walks down an index to the manifest for the wanted platform, else this machine's, else the only one. */
async function chooseManifest(
  content: ContentStore,
  descriptor: Descriptor,
  platform: Platform | undefined,
): Promise<Descriptor> {
  if (!isIndexType(descriptor.mediaType)) return descriptor;
  const { manifests = [] } = (await readJson(content, descriptor)) as Index;
  const here = manifests.filter((each) => content.size(each.digest) !== undefined && !isAttestation(each));
  const want = platform ?? hostPlatform();
  const fitting = here.find((each) => each.platform && platformMatches(want, each.platform));
  const chosen = fitting ?? (platform || here.length !== 1 ? undefined : here[0]);
  if (!chosen) throw notFound(`the archive has no image for platform ${formatPlatform(want)}`);
  return await chooseManifest(content, chosen, platform);
}

const isAttestation = ({ annotations }: Descriptor): boolean =>
  annotations?.["vnd.docker.reference.type"] === "attestation-manifest";

function nameOf({ annotations = {} }: Descriptor): string[] {
  const name = annotations["io.containerd.image.name"] ?? annotations["org.opencontainers.image.ref.name"];
  // A reference name may be a bare tag, which names no repository.
  if (!name || !/[:/]/.test(name)) return [];
  try {
    return [fullTag(name)];
  } catch (error) {
    if (isCode(error, "invalid")) return [];
    throw error;
  }
}

async function readBlob(content: ContentStore, { digest }: Descriptor): Promise<Uint8Array> {
  if (content.size(digest) === undefined) throw invalid(`the archive's index names ${digest}, which is not in it`);
  return await content.read(digest);
}

async function readJson(content: ContentStore, descriptor: Descriptor): Promise<unknown> {
  const document = parseDocument(descriptor.digest, await readBlob(content, descriptor));
  const { config, layers, manifests } = document as { config?: unknown; layers?: unknown; manifests?: unknown };
  if (Array.isArray(manifests) || (config && Array.isArray(layers))) return document;
  throw invalid(`${descriptor.digest} in the archive is neither an image manifest nor an index`);
}

function parseDocument(name: string, bytes: Uint8Array): unknown {
  try {
    const document: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    if (typeof document === "object" && document !== null) return document;
  } catch (cause) {
    throw invalid(`${name} in the archive is not JSON: ${messageOf(cause)}`, { cause });
  }
  throw invalid(`${name} in the archive is not a JSON object`);
}
