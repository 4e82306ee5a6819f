import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { hexOf, isDigest } from "../../../base/digest.ts";
import { IsleError, isErrno } from "../../../base/error.ts";
import { KeyedLock } from "../../../base/keyed-lock.ts";
import type { ContentStore } from "../../../core/content.ts";
import type { AdoptedLayer, ChainId, LayerSource, LayerUsage } from "../../../core/snapshot.ts";
import { runConfined } from "../../../os/confined/confined.ts";
import type { UnpackResult } from "../../../os/confined/protocol.ts";
import { layerPath, type Places, sharedPath, shortName } from "./places.ts";
import { dropIfUnused, shareable, sharedOf, takeShared } from "./shared-layers.ts";
import { discard } from "./trash.ts";

export interface LayerDirectories {
  has(chainId: ChainId): boolean;
  apply(layer: LayerSource): Promise<LayerUsage>;
  /** Moves a directory in the form of an overlay's upper in as the layer. */
  adopt(directory: string, layer: AdoptedLayer): Promise<void>;
  remove(chainId: ChainId): Promise<void>;
  list(): Iterable<ChainId>;
  placeOf(chainId: ChainId): string;
  /** Makes the short links agree with the layers that are there. */
  repairLinks(): void;
}

export function createLayers(places: Places, content: ContentStore): LayerDirectories {
  const lock = new KeyedLock();
  const has = (chainId: ChainId): boolean => existsSync(layerPath(places, chainId));
  const share = (layer: LayerSource): Promise<void> =>
    lock.run(`shared ${layer.diffId}`, async () => {
      if (!shareable(places, layer.diffId)) return await unpack(places, content, layer);
      link(places, layer.chainId);
      takeShared(places, layer.chainId, layer.diffId);
    });
  return {
    has,
    apply: (layer) =>
      lock.run(layer.chainId, async () => {
        if (!has(layer.chainId)) await (layer.shared ? share(layer) : unpack(places, content, layer));
        return readUsage(places, layer.chainId);
      }),
    adopt: (directory, { chainId, usage, sharedAs }) =>
      lock.run(chainId, async () => {
        if (!has(chainId)) await moveIn(places, { chainId, directory, usage, sharedAs });
      }),
    remove: (chainId) =>
      lock.run(chainId, async () => {
        const shared = sharedOf(places, chainId);
        removeLink(join(places.links, shortName(chainId)));
        if (!shared) return await discard(places.trash, layerPath(places, chainId));
        removeLink(layerPath(places, chainId));
        await dropIfUnused(places, shared);
      }),
    list: () => listLayers(places),
    placeOf: (chainId) => sharedOf(places, chainId) ?? chainId,
    repairLinks: () => repairLinks(places),
  };
}

/** Unpacks beside the layers and moves the result in place when it is whole and its digest fits. */
async function unpack(places: Places, content: ContentStore, layer: LayerSource): Promise<void> {
  const making = join(places.incoming, crypto.randomUUID());
  mkdirSync(join(making, "fs"), { recursive: true, mode: 0o755 });
  try {
    const { diffId, sizeBytes, inodes } = await unpackBlob(content.path(layer.blob), join(making, "fs"), layer);
    if (diffId !== layer.diffId) {
      throw new IsleError("dataLoss", `layer ${layer.blob} unpacks to ${diffId}, the image says ${layer.diffId}`);
    }
    writeFileSync(join(making, "usage.json"), JSON.stringify({ sizeBytes, inodes } satisfies LayerUsage));
    await put(places, making, { chainId: layer.chainId, sharedAs: layer.shared ? layer.diffId : undefined });
  } catch (error) {
    await discard(places.trash, making);
    throw error;
  }
}

async function moveIn(
  places: Places,
  { directory, usage, ...layer }: AdoptedLayer & { directory: string },
): Promise<void> {
  const making = join(places.incoming, crypto.randomUUID());
  mkdirSync(making, { mode: 0o755 });
  renameSync(directory, join(making, "fs"));
  writeFileSync(join(making, "usage.json"), JSON.stringify(usage));
  await put(places, making, layer);
}

/** What is to be shared may be there already. */
async function put(
  places: Places,
  making: string,
  { chainId, sharedAs }: Pick<AdoptedLayer, "chainId" | "sharedAs">,
): Promise<void> {
  link(places, chainId);
  if (sharedAs === undefined) return renameSync(making, layerPath(places, chainId));
  if (!shareable(places, sharedAs)) renameSync(making, sharedPath(places, sharedAs));
  takeShared(places, chainId, sharedAs);
  await discard(places.trash, making);
}

async function unpackBlob(blob: string, target: string, { onProgress, signal }: LayerSource): Promise<UnpackResult> {
  const options = { ...(onProgress && { onProgress }), ...(signal && { signal }) };
  return (await runConfined({ op: "unpackLayer", blob, target }, options)) as UnpackResult;
}

function readUsage(places: Places, chainId: ChainId): LayerUsage {
  return JSON.parse(readFileSync(join(layerPath(places, chainId), "usage.json"), "utf8")) as LayerUsage;
}

function* listLayers({ layers }: Places): Generator<ChainId> {
  for (const name of readdirSync(layers)) {
    const chainId = `sha256:${name}`;
    if (isDigest(chainId)) yield chainId;
  }
}

const linkTarget = (chainId: ChainId): string => `../layers/${hexOf(chainId)}/fs`;

function link(places: Places, chainId: ChainId): void {
  const path = join(places.links, shortName(chainId));
  try {
    symlinkSync(linkTarget(chainId), path);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
    if (readlinkSync(path) === linkTarget(chainId)) return;
    throw new IsleError("internal", `layers ${chainId} and ${readlinkSync(path)} share a short name`);
  }
}

function removeLink(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}

function repairLinks(places: Places): void {
  const wanted = new Map([...listLayers(places)].map((chainId) => [shortName(chainId), chainId]));
  for (const name of readdirSync(places.links)) {
    if (/^[a-f0-9]{12}$/.test(name) && !wanted.has(name)) removeLink(join(places.links, name));
  }
  for (const chainId of wanted.values()) link(places, chainId);
}
