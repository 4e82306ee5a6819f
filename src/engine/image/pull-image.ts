import { IsleError, invalid, isCode, messageOf, notFound } from "../../base/error.ts";
import { formatPlatform, hostPlatform, type Platform, platformMatches } from "../../base/platform.ts";
import {
  familiarName,
  familiarReference,
  formatReference,
  parseReference,
  type Reference,
} from "../../base/reference.ts";
import type { ImageRecord } from "../../core/image.ts";
import type { Credentials, RegistryManifest, RegistryRepository } from "../../core/registry.ts";
import { addImage, chainIds, once, parseImageConfig } from "./add-image.ts";
import { additionsTo } from "./additions.ts";
import { type ChosenManifest, chooseManifest } from "./choose-manifest.ts";
import { collectUnused } from "./collect.ts";
import { fetchBlob } from "./fetch-blob.ts";
import { fetchLayers } from "./fetch-layers.ts";
import { publishImageEvent } from "./image-events.ts";
import type { ReportLine, TransferDeps } from "./transfers.ts";

export interface PullRequest {
  readonly name: string;
  /** Tag or digest; when empty, the one within `name`, and when there is none, every tag is pulled. */
  readonly tag?: string | undefined;
  readonly platform?: Platform | undefined;
  /** The image gets no name, and one that has the name keeps it. */
  readonly unnamed?: boolean;
  readonly credentials?: Credentials | undefined;
  readonly report: ReportLine;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Pulls an image, or every tag of a repository; returns the last. Blobs are verified before use; on failure nothing new stays. Fails
 * with notFound (also where the registry hides what may not be seen), unauthorized, unavailable, dataLoss, cancelled.
 */
export async function pullImage(deps: TransferDeps, request: PullRequest): Promise<ImageRecord> {
  const reference = requestedReference(request);
  const repository = deps.registry.repository(reference.domain, reference.path, request.credentials);
  try {
    const tags = await tagsToPull(repository, reference, request.signal);
    let pulled: ImageRecord | undefined;
    for (const each of tags) {
      pulled = await additionsTo(deps.images).run(() => pullOne(deps, { ...request, reference: each, repository }));
    }
    if (!pulled) throw notFound(`repository ${familiarName(reference)} has no tags`);
    return pulled;
  } catch (error) {
    collectUnused(deps).catch((reason) =>
      deps.log.error("collecting after a pull failed", { reason: messageOf(reason) }),
    );
    throw request.signal?.aborted ? new IsleError("cancelled", "the pull was cancelled", { cause: error }) : error;
  }
}

function requestedReference({ name, tag }: PullRequest): Reference {
  if (!tag) return parseReference(name);
  const { tag: _, digest: __, ...bare } = parseReference(name);
  const text = `${bare.domain}/${bare.path}`;
  return parseReference(tag.startsWith("sha256:") ? `${text}@${tag}` : `${text}:${tag}`);
}

async function tagsToPull(repository: RegistryRepository, reference: Reference, signal?: AbortSignal) {
  if (reference.tag !== undefined || reference.digest !== undefined) return [reference];
  const tags = await repository.tags(signal).catch((error: unknown) => {
    throw pullError(error, reference);
  });
  return tags.map((tag) => parseReference(`${reference.domain}/${reference.path}:${tag}`));
}

type PullOne = PullRequest & { readonly reference: Reference; readonly repository: RegistryRepository };

async function pullOne(deps: TransferDeps, request: PullOne): Promise<ImageRecord> {
  const { reference, repository, report, signal } = request;
  const wanted = reference.digest ?? reference.tag!;
  const platform = request.platform ?? hostPlatform();
  const top = await repository.manifest(wanted, signal).catch((error: unknown) => {
    throw pullError(error, reference);
  });
  const chosen = await chooseManifest(repository, top, { platform, signal });
  report({ status: `Pulling from ${reference.path}`, id: wanted });
  const before = deps.images.resolveName(recordedNames(reference, top)[0]!);
  const image = await storeImage(deps, request, { ...chosen, top });
  report({ status: `Digest: ${top.digest}` });
  const fresh = before !== image.id;
  const shown = familiarReference(reference);
  report({
    status: fresh ? `Status: Downloaded newer image for ${shown}` : `Status: Image is up to date for ${shown}`,
  });
  warnOfPlatform(request, image);
  publishImageEvent(deps, "pull", { id: shown, image, name: familiarName(reference) });
  return image;
}

const maxConfigBytes = 8 << 20;

async function storeImage(
  deps: TransferDeps,
  request: PullOne,
  { manifest, source, top }: ChosenManifest & { top: RegistryManifest },
): Promise<ImageRecord> {
  const { reference, repository, report, signal } = request;
  const { digest, size } = manifest.config;
  if (size > maxConfigBytes) throw invalid(`the image's config is larger than ${maxConfigBytes} bytes`);
  await fetchBlob(deps, { repository, digest, sizeBytes: size, signal });
  const configBytes = await deps.content.read(digest);
  const diffIds = parseImageConfig(configBytes).rootfs.diff_ids;
  if (diffIds.length !== manifest.layers.length) {
    throw invalid(`the image's config names ${diffIds.length} layers, its manifest ${manifest.layers.length}`);
  }
  const chain = chainIds(diffIds);
  const layers = manifest.layers.map((descriptor, index) => ({
    descriptor,
    diffId: diffIds[index]!,
    chainId: chain[index]!,
    parent: chain[index - 1],
  }));
  const blobs = await fetchLayers(deps, { repository, layers, report, signal });
  await deps.content.ingest(once(source.bytes), { digest: source.digest });
  return addImage(deps, {
    configBytes,
    layers: blobs,
    manifest: { digest: source.digest, mediaType: source.mediaType },
    names: request.unnamed ? [] : recordedNames(reference, top),
    ...(signal && { signal }),
  });
}

/** The tag, if one was asked for, and the digest under which the registry keeps it. */
function recordedNames(reference: Reference, top: RegistryManifest): string[] {
  const byDigest = formatReference({ ...reference, tag: undefined, digest: top.digest });
  return reference.tag === undefined || reference.digest !== undefined
    ? [byDigest]
    : [formatReference(reference), byDigest];
}

function warnOfPlatform({ platform, report }: PullOne, { config }: ImageRecord): void {
  if (platformMatches(platform ?? hostPlatform(), config)) return;
  const have = formatPlatform(config);
  report({
    status: platform
      ? `WARNING: Pulled image with specified platform (${formatPlatform(platform)}), but the resulting image's configured platform (${have}) does not match.`
      : `WARNING: The requested image's platform (${have}) does not match the detected host platform (${formatPlatform(hostPlatform())}) and no specific platform was requested`,
  });
}

/** What a registry's refusal means for a pull, in Docker's words. */
function pullError(error: unknown, reference: Reference): unknown {
  const shown = familiarReference(reference);
  const said = messageOf(error);
  if (isCode(error, "forbidden") || isCode(error, "unauthorized")) {
    const repository = familiarName(reference);
    return notFound(
      `pull access denied for ${repository}, repository does not exist or may require 'docker login': ${said}`,
      { cause: error },
    );
  }
  if (!isCode(error, "notFound")) return error;
  const known = !said.startsWith("name unknown");
  return notFound(
    known ? `manifest for ${shown} not found: ${said}` : `repository ${familiarName(reference)} not found: ${said}`,
    {
      cause: error,
    },
  );
}
