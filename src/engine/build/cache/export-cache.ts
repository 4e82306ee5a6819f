import {
  type CacheRecord,
  cacheConfigType,
  encodeCacheConfig,
  encodeRecords,
} from "../../../core/build/cache-config.ts";
import type { BuildCacheRecord } from "../../../core/build-cache.ts";
import type { ImageLayer } from "../../../core/image.ts";
import { type ArchiveBlob, digestOfBytes } from "../../image/image-archive.ts";
import { layersInForm, usualForm } from "../../image/layer-form.ts";
import { type Descriptor, mediaTypes, ociLayerType } from "../../image/manifest.ts";
import { pushStored } from "../../image/push-stored.ts";
import type { BuildDeps } from "../deps.ts";
import type { BuildRequest } from "../request.ts";
import { shownStep } from "../shown-step.ts";
import type { CacheTarget } from "./cache-words.ts";

/** A cache in the form of an OCI image. */
export interface CacheImage {
  /** Layers, config and manifest, the manifest last. */
  readonly blobs: readonly ArchiveBlob[];
  readonly manifest: Descriptor;
  readonly manifestBytes: Uint8Array;
}

/** The layers that a build made or took, to be put into caches. */
export interface CachedLayers {
  readonly ofResult: readonly ImageLayer[];
  readonly ofAllStages: readonly ImageLayer[];
}

/** Puts what the build's steps have come to where the client wants it. Run it inside `additionsTo(images).run`. */
export async function exportCaches(
  deps: BuildDeps,
  request: BuildRequest,
  { firstStep, ...layers }: CachedLayers & { readonly firstStep: number },
): Promise<Record<string, string>> {
  let facts: Record<string, string> = {};
  for (const [index, target] of request.cacheTo.entries()) {
    if (target.kind === "inline") continue;
    const step = { number: firstStep + index, name: `exporting cache to ${target.name}` };
    try {
      const told = await shownStep(request, step, () => exportCache({ deps, request }, target, layers));
      facts = { ...facts, ...told };
    } catch (error) {
      if (!target.ignoreError || request.signal.aborted) throw error;
    }
  }
  return facts;
}

type Exporting = { readonly deps: BuildDeps; readonly request: BuildRequest };

async function exportCache(
  { deps, request }: Exporting,
  target: Exclude<CacheTarget, { kind: "inline" }>,
  { ofResult, ofAllStages }: CachedLayers,
): Promise<Record<string, string>> {
  const cache = await cacheImage(deps, target.mode === "max" ? ofAllStages : ofResult);
  if (target.kind === "local") await request.clientCache.write(target.name, cache, target.tag);
  else await pushCache({ deps, request }, target, cache);
  return { "cache.manifest": JSON.stringify(cache.manifest) };
}

async function cacheImage(deps: BuildDeps, layers: readonly ImageLayer[]): Promise<CacheImage> {
  const records = recordsOf(deps);
  const unique = new Map(layers.filter((layer) => records(layer).length > 0).map((layer) => [layer.chainId, layer]));
  const formed = await layersInForm(deps, [...unique.values()], usualForm);
  keepForms(deps, formed, records);
  const config = Buffer.from(
    JSON.stringify(
      encodeCacheConfig({
        layers: formed.map(({ blob, mediaType, blobBytes, diffId }) => ({
          ...{ blob, diffId, sizeBytes: blobBytes },
          mediaType: ociLayerType(mediaType),
        })),
        records: formed.flatMap((layer, index) => records(layer).map(recordOf(index))),
      }),
    ),
  );
  const descriptors = formed.map(({ blob, mediaType, blobBytes, diffId }) => ({
    ...{ mediaType: ociLayerType(mediaType), digest: blob, size: blobBytes },
    annotations: { "containerd.io/uncompressed": diffId },
  }));
  const manifestBytes = Buffer.from(
    JSON.stringify({
      ...{ schemaVersion: 2, mediaType: mediaTypes.manifest },
      config: { mediaType: cacheConfigType, digest: digestOfBytes(config), size: config.length },
      layers: unique.size === 0 ? [] : uniqueBlobs(descriptors),
    }),
  );
  const manifest = { mediaType: mediaTypes.manifest, digest: digestOfBytes(manifestBytes), size: manifestBytes.length };
  return {
    blobs: [
      ...descriptors.map(({ digest }) => ({ digest })),
      { digest: digestOfBytes(config), bytes: config },
      { digest: manifest.digest, bytes: manifestBytes },
    ],
    manifest,
    manifestBytes,
  };
}

const uniqueBlobs = (descriptors: readonly Descriptor[]): Descriptor[] => [
  ...new Map(descriptors.map((each) => [each.digest, each])).values(),
];

type RecordsOf = (layer: Pick<ImageLayer, "chainId" | "diffId">) => readonly BuildCacheRecord[];

/** Of a linked step on whatever chain its layer is. */
function recordsOf({ buildCache }: BuildDeps): RecordsOf {
  const records = new Map<string, BuildCacheRecord[]>();
  for (const record of buildCache.list()) {
    const place = record.linked ? linkedPlace(record.layer) : record.layer.chainId;
    records.set(place, [...(records.get(place) ?? []), record]);
  }
  for (const each of records.values()) each.sort((a, b) => (a.key < b.key ? -1 : 1));
  return (layer) => [...(records.get(layer.chainId) ?? []), ...(records.get(linkedPlace(layer)) ?? [])];
}

const linkedPlace = ({ diffId }: Pick<ImageLayer, "diffId">): string => `linked ${diffId}`;

const recordOf =
  (layer: number) =>
  ({ key, createdAt, description }: BuildCacheRecord): CacheRecord => ({ key, layer, createdAt, description });

/** A layer is compressed once: its records keep the blob that was made for this export. */
function keepForms({ buildCache }: BuildDeps, formed: readonly ImageLayer[], records: RecordsOf): void {
  for (const layer of formed) {
    for (const record of records(layer)) {
      if (record.layer.blob !== layer.blob) buildCache.put({ ...record, layer: { ...record.layer, ...layer } });
    }
  }
}

async function pushCache(
  { deps, request }: Exporting,
  { reference: { domain, path, tag } }: Extract<CacheTarget, { kind: "registry" }>,
  { blobs, manifest, manifestBytes }: CacheImage,
): Promise<void> {
  const { signal } = request;
  const repository = deps.registry.repository(domain, path, await request.credentialsFor(domain));
  await Promise.all(blobs.slice(0, -1).map((blob) => pushStored(deps, { repository, signal }, blob)));
  await repository.pushManifest(tag!, { ...manifest, bytes: manifestBytes }, signal);
}

/** The records of an image's own layers, for its config; with an epoch all of that time, so that the image is the same. */
export function inlineRecords(deps: BuildDeps, layers: readonly ImageLayer[], epoch: number | undefined): object[] {
  const records = recordsOf(deps);
  const time = epoch === undefined ? {} : { createdAt: new Date(epoch * 1000).toISOString() };
  return encodeRecords(
    layers.flatMap((layer, index) => records(layer).map((record) => ({ ...recordOf(index)(record), ...time }))),
  );
}
