import type { ImageHistory } from "../../core/image.ts";
import type { ImageDeps } from "../deps.ts";
import { findImage } from "./find-image.ts";
import { familiarNames } from "./image-name.ts";

export interface HistoryStep extends ImageHistory {
  /** The image's id for the newest step, `<missing>` for those below. */
  readonly id: string;
  readonly tags: readonly string[];
  readonly sizeBytes: number;
}

/** How the image came to be, newest step first. Layers without a history entry are steps of their own. */
export function imageHistory(deps: ImageDeps, text: string): HistoryStep[] {
  const { image } = findImage(deps.images, text);
  const sizes = image.layers.map((layer) => layer.sizeBytes);
  const steps = (image.config.history ?? []).map((entry) => ({
    ...entry,
    sizeBytes: entry.empty_layer ? 0 : (sizes.shift() ?? 0),
  }));
  const all: Array<ImageHistory & { sizeBytes: number }> = [...steps, ...sizes.map((sizeBytes) => ({ sizeBytes }))];
  const { tags } = familiarNames(deps.images.namesOf(image.id));
  return all
    .reverse()
    .map((step, index) => ({ ...step, id: index === 0 ? image.id : "<missing>", tags: index === 0 ? tags : [] }));
}
