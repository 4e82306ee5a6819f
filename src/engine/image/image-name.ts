import { invalid } from "../../base/error.ts";
import {
  familiarName,
  familiarReference,
  formatReference,
  parseReference,
  type Reference,
  withDefaultTag,
} from "../../base/reference.ts";

/** The full name a user's text stands for as a tag. Fails with invalid for ids, digests and malformed names. */
export function fullTag(text: string): string {
  const reference = withDefaultTag(parseReference(text));
  if (reference.digest !== undefined) throw invalid("refusing to create a tag with a digest reference");
  return tagName(reference);
}

/** From the separate `repo` and `tag` of a request; a tag within `repo` counts when `tag` is empty. */
export function fullTagOf(repo: string, tag: string | undefined): string {
  const reference = parseReference(repo);
  if (reference.digest !== undefined) throw invalid("cannot create a tag with a digest reference");
  return fullTag(tag ? `${familiarName(reference)}:${tag}` : repo);
}

function tagName(reference: Reference): string {
  const hexOnly = /^[a-f0-9]{64}$/.test(familiarName(reference));
  if (hexOnly)
    throw invalid(`invalid repository name (${familiarName(reference)}), cannot specify 64-byte hexadecimal strings`);
  return formatReference(reference);
}

export interface SplitNames {
  readonly tags: readonly string[];
  readonly digests: readonly string[];
}

/** An image's full names as people read them, tags apart from registry digests. */
export function familiarNames(names: readonly string[]): SplitNames {
  const references = names.map((name) => parseReference(name));
  return {
    tags: references
      .filter((each) => each.digest === undefined)
      .map(familiarReference)
      .sort(),
    digests: references
      .filter((each) => each.digest !== undefined)
      .map(familiarReference)
      .sort(),
  };
}

export const isDigestName = (name: string): boolean => name.includes("@");

/** `docker.io/library/busybox` of a full name. */
export function repositoryOf(name: string): string {
  const { domain, path } = parseReference(name);
  return `${domain}/${path}`;
}
