import { type Digest, isDigest } from "../../base/digest.ts";
import { invalid } from "../../base/error.ts";

/**
 * What a cache that was taken out of an engine says: which steps have which layers. The outer form is BuildKit's: layers, and
 * records that point at them; the keys of the records are isle's.
 */
export interface CacheConfig {
  readonly layers: readonly CacheLayer[];
  readonly records: readonly CacheRecord[];
}

export interface CacheLayer {
  readonly blob: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly diffId: Digest;
}

export interface CacheRecord {
  /** The step's key, in hexadecimal. */
  readonly key: string;
  /** Place in the list of layers. */
  readonly layer: number;
  readonly createdAt: string;
  readonly description: string;
}

export const cacheConfigType = "application/vnd.isle.buildcache.config.v1+json";

/** Member of an image's config that holds the records of its own layers. */
export const inlineCacheMember = "dev.isle.buildcache.v1";

export function encodeCacheConfig({ layers, records }: CacheConfig): object {
  return {
    // A record's key knows the layers below, so that none is named here.
    layers: layers.map(({ blob, mediaType, sizeBytes, diffId }) => ({
      ...{ blob, parent: -1 },
      annotations: { mediaType, size: sizeBytes, diffID: diffId },
    })),
    records: encodeRecords(records),
  };
}

export const encodeRecords = (records: readonly CacheRecord[]): object[] =>
  records.map(({ key, layer, createdAt, description }) => ({
    digest: `sha256:${key}`,
    layers: [{ layer, createdAt }],
    description,
  }));

/** Reads what a stranger wrote. Fails with invalid where it has not the form of a cache. */
export function parseCacheConfig(document: unknown): CacheConfig {
  const layers = list(member(document, "layers")).map(parseLayer);
  return { layers, records: parseRecords(member(document, "records"), layers.length) };
}

/** The records alone, for layers that are told elsewhere. */
export const parseRecords = (records: unknown, layers: number): CacheRecord[] =>
  list(records).map((record) => parseRecord(record, layers));

function parseLayer(value: unknown): CacheLayer {
  const blob = member(value, "blob");
  const annotations = member(value, "annotations");
  const [mediaType, sizeBytes, diffId] = ["mediaType", "size", "diffID"].map((name) => member(annotations, name));
  if (!isDigest(String(blob)) || !isDigest(String(diffId))) throw malformed("a layer has no digest");
  if (typeof mediaType !== "string") throw malformed("a layer has no media type");
  if (!Number.isSafeInteger(sizeBytes) || Number(sizeBytes) < 0) throw malformed("a layer has no size");
  return { blob: blob as Digest, mediaType, sizeBytes: sizeBytes as number, diffId: diffId as Digest };
}

function parseRecord(value: unknown, layers: number): CacheRecord {
  const key = /^sha256:([a-f0-9]{64})$/.exec(String(member(value, "digest")))?.[1];
  const [result] = list(member(value, "layers"));
  const layer = member(result, "layer");
  const createdAt = member(result, "createdAt");
  const description = member(value, "description");
  if (key === undefined) throw malformed("a record has no key");
  if (!Number.isSafeInteger(layer) || Number(layer) < 0 || Number(layer) >= layers) {
    throw malformed("a record names a layer that is not there");
  }
  if (
    typeof createdAt !== "string" ||
    !/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(createdAt) ||
    Number.isNaN(Date.parse(createdAt))
  ) {
    throw malformed("a record has no time");
  }
  return { key, layer: layer as number, createdAt, description: String(description ?? "").slice(0, 10_000) };
}

const member = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;

function list(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw malformed("a list is missing");
  return value;
}

const malformed = (why: string) => invalid(`this is no build cache of isle: ${why}`);
