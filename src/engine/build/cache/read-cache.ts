import { createHash } from "node:crypto";
import type { Digest } from "../../../base/digest.ts";
import { IsleError, invalid, notFound } from "../../../base/error.ts";
import {
  cacheConfigType,
  inlineCacheMember,
  parseCacheConfig,
  parseRecords,
} from "../../../core/build/cache-config.ts";
import type { ImageRecord } from "../../../core/image.ts";
import type { RegistryRepository } from "../../../core/registry.ts";
import { parseImageConfig } from "../../image/add-image.ts";
import { fetchBlob } from "../../image/fetch-blob.ts";
import { findImage } from "../../image/find-image.ts";
import { type Descriptor, type Index, isIndexType, type Manifest } from "../../image/manifest.ts";
import type { BuildDeps } from "../deps.ts";
import type { BuildRequest } from "../request.ts";
import { shownStep } from "../shown-step.ts";
import type { CacheSource } from "./cache-words.ts";
import type { CacheContent } from "./imported-cache.ts";

/** The caches that a build names. One that cannot be read is told of and left out: it only costs time. */
export async function readCaches(deps: BuildDeps, request: BuildRequest, firstStep: number): Promise<CacheContent[]> {
  const contents = await Promise.all(
    request.cacheFrom.map(async (source, index) => {
      const step = { number: firstStep + index, name: `importing cache from ${source.name}` };
      try {
        return await shownStep(request, step, () => readCache(deps, request, source));
      } catch {
        request.signal.throwIfAborted();
        return [];
      }
    }),
  );
  return contents.flat();
}

/** Documents of a cache, and its blobs. */
interface Reader {
  readonly name: string;
  manifest(digest: Digest): Promise<Uint8Array>;
  /** Brings a blob into the store. */
  store(descriptor: { readonly digest: Digest; readonly size: number }): Promise<void>;
}

async function readCache(deps: BuildDeps, request: BuildRequest, source: CacheSource): Promise<CacheContent[]> {
  if (source.kind === "local") {
    const reader = localReader(deps, request, source.name);
    return await readTop(deps, reader, await reader.manifest(source.manifest));
  }
  const here = await cacheOfImage(deps, source);
  if (here) return [here];
  if (!source.reference) throw notFound(`No such image: ${source.name}`);
  const { domain, path, tag, digest } = source.reference;
  const repository = deps.registry.repository(domain, path, await request.credentialsFor(domain));
  const reader = registryReader(deps, { repository, name: source.name, signal: request.signal });
  const { bytes } = await repository.manifest(digest ?? tag!, request.signal);
  return await readTop(deps, reader, bytes);
}

/** The cache inside an image of this engine; undefined where its registry is to be asked. */
async function cacheOfImage(
  { images, content }: BuildDeps,
  { kind, name }: Pick<CacheSource, "kind" | "name">,
): Promise<CacheContent | undefined> {
  const image = tryFind(images, name);
  if (!image) return undefined;
  const document = JSON.parse(Buffer.from(await content.read(image.id)).toString()) as Record<string, unknown>;
  if (document[inlineCacheMember] === undefined) {
    if (kind === "image") throw noCache();
    return undefined;
  }
  return {
    name,
    layers: image.layers.map(({ blob, mediaType, blobBytes, diffId }) => ({
      ...{ blob, mediaType, sizeBytes: blobBytes, diffId },
    })),
    records: parseRecords(document[inlineCacheMember], image.layers.length),
    async store({ blob }) {
      if (content.size(blob) === undefined) throw new IsleError("dataLoss", `layer ${blob} of ${name} is gone`);
    },
  };
}

const noCache = () =>
  invalid("it holds no build cache", { hint: "export it with --cache-to type=inline or type=registry" });

function tryFind(images: BuildDeps["images"], name: string): ImageRecord | undefined {
  try {
    return findImage(images, name).image;
  } catch {
    return undefined;
  }
}

function registryReader(
  deps: BuildDeps,
  { repository, name, signal }: { repository: RegistryRepository; name: string; signal: AbortSignal },
): Reader {
  return {
    name,
    manifest: async (digest) => (await repository.manifest(digest, signal)).bytes,
    store: async ({ digest, size }) => void (await fetchBlob(deps, { repository, digest, sizeBytes: size, signal })),
  };
}

function localReader({ content }: BuildDeps, { clientCache }: BuildRequest, name: string): Reader {
  return {
    name,
    async manifest(digest) {
      const parts: Uint8Array[] = [];
      let bytes = 0;
      for await (const chunk of clientCache.open(name, digest)) {
        bytes += chunk.length;
        if (bytes > maxDocumentBytes) throw invalid(`manifest ${digest} is larger than ${maxDocumentBytes} bytes`);
        parts.push(Uint8Array.from(chunk));
      }
      const manifest = Buffer.concat(parts);
      const found = `sha256:${createHash("sha256").update(manifest).digest("hex")}`;
      if (found !== digest) throw new IsleError("dataLoss", `manifest ${digest} has the digest ${found}`);
      return manifest;
    },
    async store({ digest, size }) {
      if (content.size(digest) === size) return;
      await content.ingest(atMost(size, clientCache.open(name, digest)), { digest, sizeBytes: size });
    },
  };
}

/** A client that sends more than the cache says is not listened to any longer. */
async function* atMost(bytes: number, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let left = bytes;
  for await (const chunk of source) {
    left -= chunk.length;
    if (left < 0) throw new IsleError("dataLoss", `the client sends more than the ${bytes} bytes that the cache says`);
    yield chunk;
  }
}

const maxDocumentBytes = 16 << 20;
const maxPlatforms = 64;

/** A cache of its own, an image with one inside, or an index of such images. */
async function readTop(deps: BuildDeps, reader: Reader, bytes: Uint8Array): Promise<CacheContent[]> {
  const top = JSON.parse(Buffer.from(bytes).toString()) as Partial<Manifest> & Index;
  if (!isIndexType(top.mediaType ?? "") && !Array.isArray(top.manifests))
    return [await readManifest(deps, reader, top)];
  const contents: CacheContent[] = [];
  for (const { digest } of (top.manifests ?? []).filter(isImage).slice(0, maxPlatforms)) {
    const manifest = JSON.parse(Buffer.from(await reader.manifest(digest)).toString()) as Partial<Manifest>;
    contents.push(await readManifest(deps, reader, manifest));
  }
  return contents;
}

const isImage = ({ mediaType, annotations }: Descriptor): boolean =>
  /manifest/.test(mediaType) && annotations?.["vnd.docker.reference.type"] === undefined;

async function readManifest(
  { content }: BuildDeps,
  reader: Reader,
  { config, layers }: Partial<Manifest>,
): Promise<CacheContent> {
  if (!config || !Array.isArray(layers)) throw invalid("it is neither a cache nor an image");
  if (config.mediaType.startsWith("application/vnd.buildkit."))
    throw invalid("it is of BuildKit's, with keys of its own");
  if (config.size > maxDocumentBytes) throw invalid(`its config is larger than ${maxDocumentBytes} bytes`);
  await reader.store(config);
  const bytes = await content.read(config.digest);
  const document = JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>;
  const known =
    config.mediaType === cacheConfigType ? parseCacheConfig(document) : inlineCache(document, bytes, layers);
  return {
    ...known,
    name: reader.name,
    store: ({ blob, sizeBytes }) => reader.store({ digest: blob, size: sizeBytes }),
  };
}

function inlineCache(document: Record<string, unknown>, bytes: Uint8Array, layers: readonly Descriptor[]) {
  if (document[inlineCacheMember] === undefined) throw noCache();
  const diffIds = parseImageConfig(bytes).rootfs.diff_ids;
  if (diffIds.length !== layers.length) throw invalid("its config and its manifest differ in layers");
  return {
    layers: layers.map(({ digest, mediaType, size }, index) => ({
      ...{ blob: digest, mediaType, sizeBytes: size },
      diffId: diffIds[index]!,
    })),
    records: parseRecords(document[inlineCacheMember], layers.length),
  };
}
