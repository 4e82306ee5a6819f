import { now } from "../../base/time.ts";
import type { ImageRecord } from "../../core/image.ts";
import type { ImageDeps } from "../deps.ts";
import { findImage } from "./find-image.ts";
import { publishTags } from "./image-events.ts";
import { fullTagOf } from "./image-name.ts";

/** Points a name at an image; a name that pointed elsewhere moves. */
export function tagImage(deps: ImageDeps, text: string, target: { repo: string; tag?: string | undefined }): void {
  const { image } = findImage(deps.images, text);
  tagRecord(deps, image, fullTagOf(target.repo, target.tag));
}

export function tagRecord(deps: ImageDeps, image: ImageRecord, name: string): void {
  deps.images.put({ ...image, taggedAt: now() }, [name]);
  publishTags(deps, image, [name]);
}
