import { invalid } from "../../base/error.ts";
import { matchesGlob } from "../../base/glob.ts";
import { familiarName, familiarReference, parseReference } from "../../base/reference.ts";
import { parseMoment, parseNanos } from "../../base/time.ts";
import type { ImageRecord } from "../../core/image.ts";
import type { ImageDeps } from "../deps.ts";
import { findImage } from "./find-image.ts";
import { blobsOfIndex, namedIndexes } from "./image-index.ts";
import { familiarNames } from "./image-name.ts";
import { matchesLabels } from "./label-filter.ts";
import { childrenOf } from "./remove-image.ts";

export const imageFilterNames = ["dangling", "label", "label!", "before", "since", "until", "reference"] as const;

export type ImageFilters = ReadonlyMap<string, readonly string[]>;

export interface ListOptions {
  /** Show untagged images that others were made from, too. */
  readonly all?: boolean;
  readonly filters?: ImageFilters;
  readonly sharedSize?: boolean;
}

export interface ListedImage {
  readonly image: ImageRecord;
  readonly tags: readonly string[];
  readonly digests: readonly string[];
  /** Bytes of layers that other images have, too; undefined when it was not asked for. */
  readonly sharedBytes: number | undefined;
}

/** Images that pass the filters, newest first. */
export function listImages(
  deps: ImageDeps,
  { all = false, filters = new Map(), sharedSize = false }: ListOptions,
): ListedImage[] {
  const accept = recordFilter(deps, filters);
  const patterns = filters.get("reference");
  const shared = sharedSize ? sharedBytesOf(deps) : undefined;
  const parts = partsOfIndexes(deps);
  return deps.images
    .list()
    .filter(accept)
    .map((image) => {
      const names = deps.images.namesOf(image.id).filter((name) => !patterns || matchesName(patterns, name));
      return { image, ...familiarNames(names), sharedBytes: shared?.(image) };
    })
    .filter(({ image, tags, digests }) => {
      if (tags.length + digests.length > 0) return true;
      if (patterns) return false;
      if (!all && parts.has(image.id)) return false;
      return all || filters.has("dangling") || childrenOf(deps, image.id).length === 0;
    })
    .sort((a, b) => createdSeconds(b.image) - createdSeconds(a.image));
}

/** What indexes of names hold: images for other platforms that were unpacked go by those names, too. */
function partsOfIndexes({ images }: ImageDeps): ReadonlySet<string> {
  return new Set(images.list().flatMap((image) => namedIndexes(images, image).flatMap(blobsOfIndex)));
}

/** Seconds since 1970; 0 when the image does not say. */
export function createdSeconds({ config }: ImageRecord): number {
  return Number(createdNanos(config.created) / 1_000_000_000n);
}

function createdNanos(created: string | undefined): bigint {
  if (!created) return 0n;
  try {
    return parseNanos(created);
  } catch {
    return 0n;
  }
}

/** The test that every filter but `reference` makes. */
function recordFilter(deps: ImageDeps, filters: ImageFilters): (image: ImageRecord) => boolean {
  const dangling = filters.get("dangling")?.map(isTrue);
  const times = timeBounds(deps, filters);
  return (image) => {
    const untagged = deps.images.namesOf(image.id).every((name) => name.includes("@"));
    if (dangling && !dangling.includes(untagged)) return false;
    if (!matchesLabels(image.config.config?.Labels ?? {}, filters)) return false;
    const created = createdNanos(image.config.created);
    return times.every((within) => within(created));
  };
}

function timeBounds(deps: ImageDeps, filters: ImageFilters): Array<(created: bigint) => boolean> {
  const createdOf = (text: string): bigint => createdNanos(findImage(deps.images, text).image.config.created);
  const before = (filters.get("before") ?? []).map(createdOf);
  const since = (filters.get("since") ?? []).map(createdOf);
  const until = (filters.get("until") ?? []).map((text) => parseMoment(text));
  return [
    ...before.map((limit) => (created: bigint) => created < limit),
    ...since.map((limit) => (created: bigint) => created > limit),
    ...until.map((limit) => (created: bigint) => created <= limit),
  ];
}

export function isTrue(text: string): boolean {
  if (/^(1|t|true)$/i.test(text)) return true;
  if (/^(0|f|false)$/i.test(text)) return false;
  throw invalid(`invalid filter 'dangling=[${text}]'`);
}

function matchesName(patterns: readonly string[], name: string): boolean {
  const reference = parseReference(name);
  const forms = [familiarReference(reference), familiarName(reference)];
  return patterns.some((pattern) => forms.some((form) => matchesGlob(pattern, form)));
}

/** Layers count as shared by where their files lie, which may be the same on different bases. */
function sharedBytesOf({ images, snapshots }: ImageDeps): (image: ImageRecord) => number {
  const counts = new Map<string, number>();
  for (const { layers } of images.list()) {
    const places = new Set(layers.map(({ chainId }) => snapshots.placeOf(chainId)));
    for (const place of places) counts.set(place, (counts.get(place) ?? 0) + 1);
  }
  const isShared = ({ chainId }: ImageRecord["layers"][number]): boolean =>
    (counts.get(snapshots.placeOf(chainId)) ?? 0) > 1;
  return ({ layers }) => layers.filter(isShared).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
