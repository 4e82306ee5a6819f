import { createHash } from "node:crypto";
import { PassThrough, type Readable } from "node:stream";
import type { Digest } from "../../base/digest.ts";
import { IsleError, invalid, isCode, messageOf, notFound } from "../../base/error.ts";
import { shortId } from "../../base/id.ts";
import {
  familiarName,
  familiarReference,
  formatReference,
  parseReference,
  type Reference,
} from "../../base/reference.ts";
import type { ImageIndex, ImageLayer, ImageRecord } from "../../core/image.ts";
import type { Credentials, RegistryManifest, RegistryRepository } from "../../core/registry.ts";
import { once } from "./add-image.ts";
import { additionsTo } from "./additions.ts";
import { collectUnused } from "./collect.ts";
import { atIntervals } from "./fetch-layers.ts";
import { publishImageEvent } from "./image-events.ts";
import { indexNamed } from "./image-index.ts";
import { type LayerForm, layersInForm, usualForm } from "./layer-form.ts";
import { type Descriptor, dockerManifest, type Manifest, mediaTypes, ociManifest } from "./manifest.ts";
import { pushIndex } from "./push-index.ts";
import type { ReportLine, TransferDeps } from "./transfers.ts";

export interface PushRequest {
  readonly name: string;
  /** Empty: the tag within `name`, else every tag of the repository. */
  readonly tag?: string | undefined;
  readonly credentials?: Credentials | undefined;
  /** How plain layers are compressed. */
  readonly form?: LayerForm | undefined;
  /** A new manifest is one of OCI's instead of Docker's. */
  readonly ociTypes?: boolean | undefined;
  /** Under its digest alone, which leaves the registry's tags as they are. */
  readonly byDigest?: boolean | undefined;
  readonly report: ReportLine;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Pushes a tag, or every tag of a repository. What the image came with from a registry or a layout goes out
 * unchanged, so that digests stay. Returns what the registry has now, the last tag's. Fails with notFound, unauthorized, forbidden, unavailable, cancelled.
 */
export async function pushImage(deps: TransferDeps, request: PushRequest): Promise<Descriptor> {
  const reference = parseReference(request.tag ? `${request.name}:${request.tag}` : request.name);
  if (reference.digest !== undefined) throw invalid("cannot push a digest reference");
  request.report({ status: `The push refers to repository [${reference.domain}/${reference.path}]` });
  const tags = tagsToPush(deps, reference);
  const repository = deps.registry.repository(reference.domain, reference.path, request.credentials);
  try {
    let pushed: Descriptor | undefined;
    for (const each of tags) {
      pushed = await additionsTo(deps.images).run(() => pushOne(deps, { ...request, reference: each, repository }));
    }
    return pushed!;
  } catch (error) {
    collectUnused(deps).catch((why) => deps.log.error("collecting after a push failed", { why: messageOf(why) }));
    throw request.signal?.aborted ? new IsleError("cancelled", "the push was cancelled", { cause: error }) : error;
  }
}

function tagsToPush({ images }: TransferDeps, reference: Reference): Reference[] {
  const all = images
    .list()
    .flatMap(({ id }) => images.namesOf(id))
    .map((name) => parseReference(name))
    .filter(({ domain, path, tag }) => domain === reference.domain && path === reference.path && tag !== undefined);
  if (all.length === 0) {
    throw notFound(`An image does not exist locally with the tag: ${familiarName(reference)}`);
  }
  if (reference.tag === undefined) return all;
  const found = all.filter(({ tag }) => tag === reference.tag);
  if (found.length === 0) throw notFound(`tag does not exist: ${familiarReference(reference)}`);
  return found;
}

type PushOne = PushRequest & { readonly reference: Reference; readonly repository: RegistryRepository };

async function pushOne(deps: TransferDeps, request: PushOne): Promise<Descriptor> {
  const { reference, repository, report, signal } = request;
  const id = deps.images.resolveName(formatReference(reference));
  const image = id && deps.images.get(id);
  if (!image) throw notFound(`tag does not exist: ${familiarReference(reference)}`);
  const index = indexNamed(deps, image, formatReference(reference));
  if (index) return await pushNamedIndex(deps, request, { image, index });
  for (const { diffId } of image.layers) report({ status: "Preparing", progressDetail: {}, id: shortId(diffId) });
  // The record keeps the compressed layers, so that each is compressed once and its digest stays.
  const pushed = { ...image, layers: await layersInForm(deps, image.layers, request.form ?? usualForm) };
  await pushBlobs(deps, request, pushed);
  const manifest = await manifestOf(deps, pushed, request.ociTypes ?? false);
  const tag = request.byDigest ? manifest.digest : reference.tag!;
  await repository.pushManifest(tag, manifest, signal);
  const sizeBytes = manifest.bytes.length;
  report({ status: `${tag}: digest: ${manifest.digest} size: ${sizeBytes}` });
  report({ progressDetail: {}, aux: { Tag: tag, Digest: manifest.digest, Size: sizeBytes } });
  await deps.content.ingest(once(manifest.bytes), { digest: manifest.digest });
  const { digest, mediaType } = manifest;
  const byDigest = formatReference({ ...reference, tag: undefined, digest });
  deps.images.put({ ...pushed, manifest: { digest, mediaType } }, [byDigest]);
  publishImageEvent(deps, "push", {
    id: familiarReference(reference),
    image,
    name: familiarName(reference),
  });
  return { mediaType, digest, size: sizeBytes };
}

/** The far end of a pipe, failing when the near end does. */
function piped<T extends Readable & NodeJS.WritableStream>(source: Readable, through: T): T {
  source.once("error", (error) => through.destroy(error));
  through.once("close", () => source.destroy());
  return source.pipe(through);
}

async function pushNamedIndex(
  deps: TransferDeps,
  { reference, ...request }: PushOne,
  { image, index }: { image: ImageRecord; index: ImageIndex },
): Promise<Descriptor> {
  const tag = request.byDigest ? index.digest : reference.tag!;
  const pushed = await pushIndex(deps, { ...request, tag }, index);
  deps.images.put(image, [formatReference({ ...reference, tag: undefined, digest: pushed.digest })]);
  publishImageEvent(deps, "push", { id: familiarReference(reference), image, name: familiarName(reference) });
  return pushed;
}

async function pushBlobs(deps: TransferDeps, request: PushOne, image: ImageRecord): Promise<void> {
  const controller = new AbortController();
  const signal = request.signal ? AbortSignal.any([request.signal, controller.signal]) : controller.signal;
  const unique = new Map(image.layers.map((layer) => [layer.blob, layer]));
  const uploads = [...unique.values()].map((layer) => pushLayer(deps, { ...request, signal }, layer));
  for (const upload of uploads) upload.catch((error) => controller.abort(error));
  const failed = (await Promise.allSettled(uploads)).find(({ status }) => status === "rejected");
  // The first to fail aborted the others; its error is the one to tell.
  if (failed) throw request.signal?.aborted ? request.signal.reason : controller.signal.reason;
  await pushConfig(deps, request, image.id);
}

async function pushConfig({ content }: TransferDeps, { repository, signal }: PushOne, id: Digest): Promise<void> {
  if (await repository.hasBlob(id, signal)) return;
  const sizeBytes = content.size(id) ?? 0;
  await repository.pushBlob({ digest: id, sizeBytes, open: () => content.open(id) }, signal);
}

async function pushLayer(deps: TransferDeps, request: PushOne, layer: ImageLayer): Promise<void> {
  const { repository, report, reference, signal } = request;
  const id = shortId(layer.diffId);
  if (deps.transfers.uploads.full) report({ status: "Waiting", progressDetail: {}, id });
  const release = await deps.transfers.uploads.take(signal);
  try {
    if (await repository.hasBlob(layer.blob, signal)) {
      return report({ status: "Layer already exists", progressDetail: {}, id });
    }
    for (const from of originsOf(deps, layer.blob, reference)) {
      // A registry that cannot mount says so or fails; uploading is the way that always works.
      const mounted = await repository.mountBlob(layer.blob, from, signal).catch(() => false);
      signal?.throwIfAborted();
      if (mounted) return report({ status: `Mounted from ${from}`, progressDetail: {}, id });
    }
    await uploadLayer(deps, request, layer);
    report({ status: "Pushed", progressDetail: {}, id });
  } finally {
    release();
  }
}

const maxMountAttempts = 3;

/** Other repositories of the same registry that hold the blob, going by the digests their images are known under. */
function originsOf({ images }: TransferDeps, blob: Digest, target: Reference): string[] {
  const paths = images
    .list()
    .filter(({ layers }) => layers.some((layer) => layer.blob === blob))
    .flatMap(({ id }) => images.namesOf(id))
    .map((name) => parseReference(name))
    .filter(({ domain, path, digest }) => digest && domain === target.domain && path !== target.path)
    .map(({ path }) => path);
  return [...new Set(paths)].slice(0, maxMountAttempts);
}

async function uploadLayer({ content, transfers }: TransferDeps, request: PushOne, layer: ImageLayer): Promise<void> {
  const { repository, report, signal } = request;
  const { blob, blobBytes } = layer;
  const id = shortId(layer.diffId);
  const open = (): Readable => {
    const often = atIntervals();
    let current = 0;
    const counted = new PassThrough();
    counted.on("data", (chunk: Buffer) => {
      current += chunk.length;
      if (often(current === blobBytes))
        report({ status: "Pushing", progressDetail: { current, total: blobBytes }, id });
    });
    counted.pause();
    return piped(content.open(blob), counted);
  };
  for (let attempt = 1; ; attempt++) {
    try {
      return await repository.pushBlob({ digest: blob, sizeBytes: blobBytes, open }, signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (!isCode(error, "unavailable") || attempt >= transfers.maxAttempts) throw error;
      report({ status: `Retrying after: ${messageOf(error)}`, progressDetail: {}, id });
    }
  }
}

/** The manifest the image came with while it still describes the blobs, else a new one of Docker's schema 2. */
async function manifestOf({ content }: TransferDeps, image: ImageRecord, ociTypes: boolean): Promise<RegistryManifest> {
  const { manifest, layers, id } = image;
  if (manifest && content.size(manifest.digest) !== undefined) {
    const bytes = await content.read(manifest.digest);
    const { layers: named } = JSON.parse(Buffer.from(bytes).toString()) as Manifest;
    const same = named.length === layers.length && named.every(({ digest }, index) => digest === layers[index]!.blob);
    if (same && (!ociTypes || manifest.mediaType === mediaTypes.manifest)) return { ...manifest, bytes };
  }
  const configBytes = content.size(id) ?? 0;
  const made = ociTypes
    ? ociManifest({ digest: id, sizeBytes: configBytes }, layers)
    : dockerManifest({ digest: id, sizeBytes: configBytes }, layers);
  const bytes = Buffer.from(JSON.stringify(made, undefined, 3));
  const digest: Digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  return { digest, mediaType: made.mediaType, bytes };
}
