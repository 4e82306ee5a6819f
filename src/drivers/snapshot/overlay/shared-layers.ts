import { existsSync, readdirSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { type Digest, hexOf } from "../../../base/digest.ts";
import { isErrno } from "../../../base/error.ts";
import type { ChainId } from "../../../core/snapshot.ts";
import { layerPath, type Places, sharedPath } from "./places.ts";
import { discard } from "./trash.ts";

/**
 * Layers that several chains have: the files lie in `shared/` by their diff id, and each chain's place is a link to them.
 * The files come before the first link and go after the last; what has no link after a crash is nobody's.
 */
export const shareable = (places: Places, diffId: Digest): boolean => existsSync(sharedPath(places, diffId));

/** Makes shared files a chain's layer. */
export function takeShared(places: Places, chainId: ChainId, diffId: Digest): void {
  const path = layerPath(places, chainId);
  // A link to what is gone.
  rmSync(path, { force: true });
  symlinkSync(join("..", "shared", hexOf(diffId)), path);
}

/** The diff id whose files a chain shares; undefined where it has its own. */
export function sharedOf(places: Places, chainId: ChainId): Digest | undefined {
  try {
    return `sha256:${basename(readlinkSync(layerPath(places, chainId)))}`;
  } catch (error) {
    if (isErrno(error, "EINVAL", "ENOENT")) return undefined;
    throw error;
  }
}

export async function dropIfUnused(places: Places, diffId: Digest): Promise<void> {
  if (!usedOf(places).has(diffId)) await discard(places.trash, sharedPath(places, diffId));
}

/** Removes what no chain has. */
export async function sweepShared(places: Places): Promise<void> {
  const used = usedOf(places);
  for (const name of readdirSync(places.shared)) {
    if (!used.has(`sha256:${name}`)) await discard(places.trash, join(places.shared, name));
  }
}

const usedOf = (places: Places): Set<Digest> =>
  new Set(readdirSync(places.layers).flatMap((name) => sharedOf(places, `sha256:${name}`) ?? []));
