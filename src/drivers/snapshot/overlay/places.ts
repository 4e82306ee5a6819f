import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Digest, hexOf } from "../../../base/digest.ts";
import type { ChainId } from "../../../core/snapshot.ts";

/** Where everything lies below the data root. */
export interface Places {
  readonly base: string;
  /** `layers/HEX/{fs,usage.json}`. */
  readonly layers: string;
  /** `shared/HEX/{fs,usage.json}` by diff id: `layers/HEX` of chains that share files is a link to it. */
  readonly shared: string;
  /** `links/SHORT` → `../layers/HEX/fs`: a mount's options must fit into one page, so layers need short names. */
  readonly links: string;
  /** `roots/ID/{upper,work,merged,lower}`. */
  readonly roots: string;
  /** Layers that are being unpacked. */
  readonly incoming: string;
  /** What is being deleted. */
  readonly trash: string;
}

export function makePlaces(base: string): Places {
  const places = {
    base,
    layers: join(base, "layers"),
    shared: join(base, "shared"),
    links: join(base, "links"),
    roots: join(base, "roots"),
    incoming: join(base, "incoming"),
    trash: join(base, "trash"),
  };
  for (const path of Object.values(places)) mkdirSync(path, { recursive: true, mode: 0o710 });
  return places;
}

export const layerPath = (places: Places, chainId: ChainId): string => join(places.layers, hexOf(chainId));

export const sharedPath = (places: Places, diffId: Digest): string => join(places.shared, hexOf(diffId));

/** 48 bits: two of a few thousand layers meet once in 10^7 machines, and `applyLayer` notices. */
export const shortName = (chainId: ChainId): string => hexOf(chainId).slice(0, 12);
