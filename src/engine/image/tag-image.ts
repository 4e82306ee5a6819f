import { now } from "../../base/time.ts";
import type { ImageIndex, ImageRecord } from "../../core/image.ts";
import type { ImageDeps } from "../deps.ts";
import { findImage } from "./find-image.ts";
import { publishTags } from "./image-events.ts";
import { indexesWith, indexNamed } from "./image-index.ts";
import { fullTagOf } from "./image-name.ts";

/** Points a name at an image; a name that pointed elsewhere moves. */
export function tagImage(deps: ImageDeps, text: string, target: { repo: string; tag?: string | undefined }): void {
  const { image, name } = findImage(deps.images, text);
  const index = name === undefined ? undefined : indexNamed(deps, image, name);
  tagRecord(deps, image, fullTagOf(target.repo, target.tag), index);
}

/** The name stands for the index where one is given, else for the image alone. */
export function tagRecord(deps: ImageDeps, image: ImageRecord, name: string, index?: ImageIndex): void {
  const { indexes, ...rest } = image;
  deps.images.put({ ...rest, taggedAt: now(), ...indexesWith(indexes, [name], index) }, [name]);
  publishTags(deps, image, [name]);
}
