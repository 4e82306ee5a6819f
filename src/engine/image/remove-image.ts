import type { Digest } from "../../base/digest.ts";
import { conflict, type IsleError } from "../../base/error.ts";
import { shortId } from "../../base/id.ts";
import { familiarReference, parseReference } from "../../base/reference.ts";
import type { ImageRecord } from "../../core/image.ts";
import type { ImageDeps } from "../deps.ts";
import { collectUnused } from "./collect.ts";
import { findImage } from "./find-image.ts";
import { publishImageEvent } from "./image-events.ts";
import { isDigestName, repositoryOf } from "./image-name.ts";

export type Removal = { readonly untagged: string } | { readonly deleted: string };

export interface RemoveOptions {
  readonly force?: boolean;
  /** Keep untagged parents that nothing else needs. */
  readonly keepParents?: boolean;
}

/**
 * `rmi`: by name, takes the name away and deletes the image with its last one; by id, deletes the image with all its
 * names when they are of one repository, or when forced. Fails with conflict where an instance or a child needs it.
 */
export async function removeImage(deps: ImageDeps, text: string, options: RemoveOptions = {}): Promise<Removal[]> {
  const { image, name } = findImage(deps.images, text);
  const removals: Removal[] = [];
  try {
    if (name === undefined) removeById(deps, image, { ...options, removals });
    else removeByName(deps, { image, name, text }, { ...options, removals });
  } finally {
    await collectUnused(deps);
  }
  return removals;
}

type Removing = RemoveOptions & { removals: Removal[] };

function removeByName(
  deps: ImageDeps,
  { image, name, text }: { image: ImageRecord; name: string; text: string },
  options: Removing,
): void {
  const user = deps.imageUsers(image.id)[0];
  if (!options.force && user && isOnlyName(deps.images.namesOf(image.id))) {
    throw conflict(
      `conflict: unable to remove repository reference "${text}" (must force) - container ` +
        `${shortId(user.instanceId)} is using its referenced image ${shortId(image.id)}`,
    );
  }
  untag(deps, image, { name, removals: options.removals });
  const left = deps.images.namesOf(image.id);
  const hasTag = left.some((each) => !isDigestName(each) && repositoryOf(each) === repositoryOf(name));
  // Digest names of a repository do not outlive its last tag.
  if (!isDigestName(name) && !hasTag) {
    for (const each of left.filter((other) => repositoryOf(other) === repositoryOf(name))) {
      untag(deps, image, { name: each, removals: options.removals });
    }
  }
  if (deps.images.namesOf(image.id).length > 0) return;
  const problem = findConflict(deps, image, { force: options.force ?? false });
  if (problem?.used) return;
  if (problem) throw problem.error;
  deleteImage(deps, image, options);
}

function removeById(deps: ImageDeps, image: ImageRecord, options: Removing): void {
  const force = options.force ?? false;
  const names = deps.images.namesOf(image.id);
  const together = sameRepository(names);
  const problem = findConflict(deps, image, { force, manyNames: !together && names.length > 0 });
  if (problem) throw problem.error;
  deleteImage(deps, image, options);
}

const sameRepository = (names: readonly string[]): boolean => new Set(names.map(repositoryOf)).size === 1;

/** At most one tag, and digests of the same repository. */
const isOnlyName = (names: readonly string[]): boolean =>
  sameRepository(names) && names.filter((name) => !isDigestName(name)).length <= 1;

interface Problem {
  /** An instance needs the image. */
  readonly used: boolean;
  readonly error: IsleError;
}

function findConflict(
  deps: ImageDeps,
  image: ImageRecord,
  { force, manyNames = false }: { force: boolean; manyNames?: boolean },
): Problem | undefined {
  const refuse = (why: string, forceable: boolean): IsleError =>
    conflict(
      `conflict: unable to delete ${shortId(image.id)} (${forceable ? "must be forced" : "cannot be forced"}) - ${why}`,
    );
  const users = deps.imageUsers(image.id);
  const running = users.find((user) => user.running);
  const stopped = users.find((user) => !user.running);
  if (childrenOf(deps, image.id).length > 0) {
    return { used: false, error: refuse("image has dependent child images", false) };
  }
  if (running) {
    return {
      used: true,
      error: refuse(`image is being used by running container ${shortId(running.instanceId)}`, false),
    };
  }
  if (force) return undefined;
  if (manyNames) return { used: false, error: refuse("image is referenced in multiple repositories", true) };
  if (!stopped) return undefined;
  return { used: true, error: refuse(`image is being used by stopped container ${shortId(stopped.instanceId)}`, true) };
}

export const childrenOf = (deps: ImageDeps, id: Digest): ImageRecord[] =>
  deps.images.list().filter((image) => image.parent === id);

function untag(deps: ImageDeps, image: ImageRecord, { name, removals }: { name: string; removals: Removal[] }): void {
  deps.images.removeName(name);
  removals.push({ untagged: familiarReference(parseReference(name)) });
  publishImageEvent(deps, "untag", { id: image.id, image, name: image.id });
}

/** Deletes the record with its names, and untagged parents that only it needed. */
function deleteImage(deps: ImageDeps, image: ImageRecord, options: Removing): void {
  const { removals } = options;
  for (const name of deps.images.namesOf(image.id)) untag(deps, image, { name, removals });
  deps.images.remove(image.id);
  publishImageEvent(deps, "delete", { id: image.id, image, name: image.id });
  removals.push({ deleted: image.id });
  const needed = deps.snapshots.layersInUse();
  for (const other of deps.images.list()) for (const layer of other.layers) needed.add(layer.chainId);
  for (const layer of image.layers.toReversed()) {
    if (!needed.has(layer.chainId)) removals.push({ deleted: layer.chainId });
  }
  const parent = options.keepParents || !image.parent ? undefined : deps.images.get(image.parent);
  if (!parent || deps.images.namesOf(parent.id).length > 0) return;
  if (!findConflict(deps, parent, { force: false })) deleteImage(deps, parent, options);
}
