import type { ImageDeps } from "../deps.ts";
import { collectUnused } from "./collect.ts";
import { type ImageFilters, isTrue, listImages } from "./list-images.ts";
import { type Removal, removeImage } from "./remove-image.ts";

export const pruneFilterNames = ["dangling", "until", "label", "label!"] as const;

/** Deletes images no instance uses: the untagged ones, or with `dangling=false` all of them. */
export async function pruneImages(
  deps: ImageDeps,
  filters: ImageFilters,
): Promise<{ removals: Removal[]; freedBytes: number }> {
  const onlyDangling = !filters.get("dangling")?.some((text) => !isTrue(text));
  const rest = new Map([...filters].filter(([name]) => name !== "dangling"));
  const candidates = listImages(deps, { all: true, filters: rest })
    .filter(({ tags }) => !onlyDangling || tags.length === 0)
    .filter(({ image }) => deps.imageUsers(image.id).length === 0);
  const before = layerBytes(deps);
  const removals: Removal[] = [];
  for (const { image, tags } of candidates) removals.push(...(await removeQuietly(deps, image.id, tags)));
  await collectUnused(deps);
  const freedBytes = Math.max(0, before - layerBytes(deps));
  deps.events.publish({
    type: "image",
    action: "prune",
    actor: { id: "", attributes: { reclaimed: `${freedBytes}` } },
  });
  return { removals, freedBytes };
}

/** By its names one after the other, so that an image an instance took meanwhile stays. */
async function removeQuietly(deps: ImageDeps, id: string, tags: readonly string[]): Promise<Removal[]> {
  const removals: Removal[] = [];
  for (const text of tags.length > 0 ? tags : [id]) {
    try {
      removals.push(...(await removeImage(deps, text)));
    } catch (error) {
      deps.log.debug("image not pruned", { image: id, why: String(error) });
    }
  }
  return removals;
}

/** Bytes of all unpacked layers, each counted once. */
export function layerBytes(deps: ImageDeps): number {
  const layers = new Map(
    deps.images
      .list()
      .flatMap(({ layers }) => layers.map(({ chainId, sizeBytes }) => [deps.snapshots.placeOf(chainId), sizeBytes])),
  );
  return [...layers.values()].reduce((sum, bytes) => sum + bytes, 0);
}
