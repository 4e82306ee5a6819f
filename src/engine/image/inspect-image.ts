import type { ImageRecord } from "../../core/image.ts";
import type { ImageDeps } from "../deps.ts";
import { findImage } from "./find-image.ts";
import { familiarNames, type SplitNames } from "./image-name.ts";

/** One image with its names as people read them. */
export function inspectImage(deps: ImageDeps, text: string): { image: ImageRecord } & SplitNames {
  const { image } = findImage(deps.images, text);
  return { image, ...familiarNames(deps.images.namesOf(image.id)) };
}
