import { isDigest } from "../../base/digest.ts";
import { conflict, isCode, notFound } from "../../base/error.ts";
import {
  familiarReference,
  formatReference,
  parseReference,
  type Reference,
  withDefaultTag,
} from "../../base/reference.ts";
import type { ImageRecord, ImageRepository } from "../../core/image.ts";

export interface FoundImage {
  readonly image: ImageRecord;
  /** Full name that led here; undefined when the text was an id. */
  readonly name: string | undefined;
}

/** The image a user's text means: a full or short id, a name, or `name@digest`. Fails with notFound. */
export function findImage(images: ImageRepository, text: string): FoundImage {
  const found = byFullId(images, text) ?? byName(images, text) ?? byShortId(images, text);
  if (found) return found;
  throw notFound(`No such image: ${shown(text)}`);
}

function byFullId(images: ImageRepository, text: string): FoundImage | undefined {
  const digest = text.startsWith("sha256:") ? text : `sha256:${text}`;
  const image = isDigest(digest) ? images.get(digest) : undefined;
  return image && { image, name: undefined };
}

function byName(images: ImageRepository, text: string): FoundImage | undefined {
  const reference = tryReference(text);
  if (!reference) return undefined;
  const name = formatReference(withDefaultTag(reference.digest ? { ...reference, tag: undefined } : reference));
  const id = images.resolveName(name);
  const image = id && images.get(id);
  return image && { image, name };
}

function byShortId(images: ImageRepository, text: string): FoundImage | undefined {
  const prefix = text.replace(/^sha256:/, "");
  if (!/^[a-f0-9]{1,64}$/.test(prefix)) return undefined;
  const [id, ...others] = images.findByPrefix(prefix);
  if (others.length > 0) throw conflict(`several images begin with ${text}`, { hint: "give more digits" });
  const image = id && images.get(id);
  return image && { image, name: undefined };
}

function tryReference(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch (error) {
    if (isCode(error, "invalid") && /^(sha256:)?[a-f0-9]+$/.test(text)) return undefined;
    throw error;
  }
}

function shown(text: string): string {
  const reference = text.startsWith("sha256:") ? undefined : tryReference(text);
  return reference ? familiarReference(withDefaultTag(reference)) : text;
}
