import { isDigest } from "../../base/digest.ts";
import type { ContentStore } from "../../core/content.ts";
import type { ImageIndex, IndexedManifest } from "../../core/image.ts";
import { type Descriptor, type Index, isIndexType, type Manifest } from "./manifest.ts";

/** An index of stored blobs with all that it names; undefined for a manifest, and where something is missing. */
export async function wholeIndex(content: ContentStore, top: Descriptor): Promise<ImageIndex | undefined> {
  if (!isIndexType(top.mediaType) || !isHere(content, top)) return undefined;
  const { manifests = [] } = (await read(content, top)) as Index;
  const indexed: IndexedManifest[] = [];
  for (const descriptor of manifests) {
    const found = isHere(content, descriptor) ? await indexedManifest(content, descriptor) : undefined;
    if (!found) return undefined;
    indexed.push(found);
  }
  const isMore = indexed.length > 1;
  return isMore ? { digest: top.digest, mediaType: top.mediaType, sizeBytes: top.size, manifests: indexed } : undefined;
}

async function indexedManifest(content: ContentStore, descriptor: Descriptor): Promise<IndexedManifest | undefined> {
  const { digest, mediaType, size, platform, annotations } = descriptor;
  const { config, layers } = (await read(content, descriptor)) as Partial<Manifest>;
  if (!config || !Array.isArray(layers) || ![config, ...layers].every((each) => isHere(content, each)))
    return undefined;
  const attestsTo = annotations?.["vnd.docker.reference.digest"];
  const { os, architecture, variant } = platform ?? {};
  if (attestsTo === undefined && (typeof os !== "string" || typeof architecture !== "string")) return undefined;
  return {
    ...{ digest, mediaType, sizeBytes: size },
    ...(attestsTo !== undefined && isDigest(attestsTo)
      ? { attestsTo }
      : { platform: { os: os!, architecture: architecture!, ...(variant && { variant }) } }),
    blobs: [...new Set([config.digest, ...layers.map((layer) => layer.digest)])],
  };
}

const isHere = (content: ContentStore, descriptor: Partial<Descriptor> | undefined): boolean =>
  isDigest(String(descriptor?.digest)) && content.size(descriptor!.digest!) === descriptor?.size;

const read = async (content: ContentStore, { digest }: Descriptor): Promise<unknown> =>
  JSON.parse(Buffer.from(await content.read(digest)).toString());
