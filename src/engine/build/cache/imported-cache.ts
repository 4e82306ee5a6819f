import { createHash } from "node:crypto";
import { IsleError, messageOf } from "../../../base/error.ts";
import { now } from "../../../base/time.ts";
import type { CacheLayer, CacheRecord } from "../../../core/build/cache-config.ts";
import type { ImageLayer } from "../../../core/image.ts";
import type { ChainId } from "../../../core/snapshot.ts";
import { nextChainId } from "../../image/add-image.ts";
import { decompressed } from "../../image/decompress.ts";
import type { BuildDeps } from "../deps.ts";

/** A cache that came from elsewhere: what it says, and the way to its layers. */
export interface CacheContent {
  readonly name: string;
  readonly layers: readonly CacheLayer[];
  readonly records: readonly CacheRecord[];
  /** Brings a blob into the store, verified against its digest and size. */
  store(layer: CacheLayer): Promise<void>;
}

/** A layer of such a cache was not what the cache says: the build has to go without it. */
export class BrokenCache extends IsleError {
  constructor(name: string, cause: unknown) {
    super("dataLoss", `the build cache ${name} is broken: ${messageOf(cause)}`, { cause });
  }
}

interface Found {
  readonly record: CacheRecord;
  readonly layer: CacheLayer;
  readonly from: CacheContent;
}

/** What a step takes along into the record that is kept of it. */
interface Asking {
  readonly key: string;
  readonly description: string;
  readonly parent: string | undefined;
  readonly below: ChainId | undefined;
  readonly linked?: boolean | undefined;
}

/** A layer that a step took without its content. */
interface Lent extends Found {
  readonly asking: Asking;
  here: Promise<ImageLayer> | undefined;
}

/**
 * Caches of other engines. A step that is found there is taken on the cache's word, and its layer is brought here only when
 * something needs its files; then every byte is checked.
 */
export class ImportedCache {
  readonly #deps: BuildDeps;
  readonly #records = new Map<string, Found>();
  readonly #lent = new Map<ChainId, Lent>();

  constructor(deps: BuildDeps, contents: readonly CacheContent[]) {
    this.#deps = deps;
    for (const from of contents) {
      for (const record of from.records) {
        if (!this.#records.has(record.key))
          this.#records.set(record.key, { record, layer: from.layers[record.layer]!, from });
      }
    }
  }

  find(asking: Asking): { layer: ImageLayer; createdAt: string } | undefined {
    const found = this.#records.get(asking.key);
    if (!found) return undefined;
    const { blob, mediaType, sizeBytes: blobBytes, diffId } = found.layer;
    const chainId = nextChainId(asking.below, diffId);
    if (!this.#lent.has(chainId)) this.#lent.set(chainId, { ...found, asking, here: undefined });
    const layer = { blob, mediaType, blobBytes, diffId, chainId, sizeBytes: 0 };
    return { layer, createdAt: found.record.createdAt };
  }

  /** The layers with all of them here. */
  async present(layers: readonly ImageLayer[]): Promise<readonly ImageLayer[]> {
    if (this.#lent.size === 0) return layers;
    const present: ImageLayer[] = [];
    for (const layer of layers) {
      const lent = this.#lent.get(layer.chainId);
      if (lent) lent.here ??= this.#bring(lent, layer.chainId);
      present.push((await lent?.here) ?? layer);
    }
    return present;
  }

  async #bring({ record, layer, from, asking }: Lent, chainId: ChainId): Promise<ImageLayer> {
    const brought = knownLayer(this.#deps, chainId) ?? (await this.#fetch({ layer, from, asking }, chainId));
    const { key, description, parent, linked } = asking;
    const { createdAt } = record;
    const kept = { key, description, parent, layer: brought, createdAt, usedAt: now(), uses: 1 };
    this.#deps.buildCache.put({ ...kept, ...(linked && { linked }) });
    return brought;
  }

  async #fetch({ layer, from, asking }: Omit<Lent, "record" | "here">, chainId: ChainId): Promise<ImageLayer> {
    const { snapshots } = this.#deps;
    const { blob, mediaType, sizeBytes: blobBytes, diffId } = layer;
    try {
      await from.store(layer);
      const shared = asking.linked ?? false;
      // A layer that is here already, if only in another chain, is not unpacked, and so not checked by that.
      if (shared || snapshots.hasLayer(chainId)) await checkDiffId(this.#deps, layer);
      const { sizeBytes } = await snapshots.applyLayer({ chainId, parent: asking.below, diffId, blob, shared });
      return { blob, mediaType, blobBytes, diffId, chainId, sizeBytes };
    } catch (error) {
      throw new BrokenCache(from.name, error);
    }
  }
}

/** The layer as an image or an earlier build has it. */
function knownLayer({ content, snapshots, images, buildCache }: BuildDeps, chainId: ChainId): ImageLayer | undefined {
  if (!snapshots.hasLayer(chainId)) return undefined;
  const layers = [...buildCache.list().map(({ layer }) => layer), ...images.list().flatMap((image) => image.layers)];
  return layers.find((layer) => layer.chainId === chainId && content.size(layer.blob) !== undefined);
}

async function checkDiffId(deps: BuildDeps, { blob, diffId }: CacheLayer): Promise<void> {
  const hash = createHash("sha256");
  for await (const chunk of decompressed(deps, deps.content.open(blob))) hash.update(chunk);
  const found = `sha256:${hash.digest("hex")}`;
  if (found !== diffId) throw new IsleError("dataLoss", `layer ${blob} holds ${found}, not ${diffId}`);
}
