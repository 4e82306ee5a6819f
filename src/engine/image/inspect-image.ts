import type { ImageIndex, ImageRecord } from "../../core/image.ts";
import type { ImageDeps } from "../deps.ts";
import { findImage } from "./find-image.ts";
import { anyIndex, indexNamed } from "./image-index.ts";
import { familiarNames, type SplitNames } from "./image-name.ts";

export interface InspectedImage extends SplitNames {
  readonly image: ImageRecord;
  /** What else goes by the name. */
  readonly index: ImageIndex | undefined;
}

/** One image with its names as people read them. */
export function inspectImage(deps: ImageDeps, text: string): InspectedImage {
  const { image, name } = findImage(deps.images, text);
  const index = name === undefined ? anyIndex(deps, image) : indexNamed(deps, image, name);
  return { image, index, ...familiarNames(deps.images.namesOf(image.id)) };
}
