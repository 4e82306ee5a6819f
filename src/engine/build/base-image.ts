import { type Digest, hexOf, isDigest } from "../../base/digest.ts";
import { isCode } from "../../base/error.ts";
import { formatPlatform, hostPlatform, type Platform, platformMatches } from "../../base/platform.ts";
import { formatReference, parseReference, withDefaultTag } from "../../base/reference.ts";
import type { ImageRecord } from "../../core/image.ts";
import { findImage } from "../image/find-image.ts";
import { isDigestName, repositoryOf } from "../image/image-name.ts";
import { imageOfIndex } from "../image/image-of-index.ts";
import { pullImage } from "../image/pull-image.ts";
import { imageUrl } from "./attest/provenance.ts";
import type { Build } from "./build.ts";

/** An image of this engine, pulled when it is not here or when the client wants the newest. */
export async function imageNamed(build: Build, name: string, platform: Platform): Promise<ImageRecord> {
  const image = await findOrPull(build, name, platform);
  const uri = imageUrl(name, formatPlatform(image.config));
  build.materials.set(uri, { uri, digest: { sha256: hexOf(originOf(build, image, name)) } });
  return image;
}

/** The digest a registry has it under, else that of its config. */
function originOf({ deps: { images } }: Build, image: ImageRecord, name: string): Digest {
  const repository = isDigest(name) || isDigest(`sha256:${name}`) ? undefined : repositoryOf(name);
  const known = images.namesOf(image.id).find((each) => isDigestName(each) && repositoryOf(each) === repository);
  return (known?.slice(known.indexOf("@") + 1) as Digest | undefined) ?? image.manifest?.digest ?? image.id;
}

async function findOrPull(build: Build, name: string, platform: Platform): Promise<ImageRecord> {
  const { deps, request, signal } = build;
  const found = request.pull ? undefined : await localImage(build, name, platform);
  if (found) return found;
  const reference = withDefaultTag(parseReference(name));
  // The name goes on standing for what this machine runs.
  const isForeign = !platformMatches(hostPlatform(), platform);
  const image = await pullImage(deps, {
    name: formatReference(reference),
    platform,
    credentials: await request.credentialsFor(reference.domain),
    unnamed: isForeign,
    report: () => {},
    signal,
  });
  if (isForeign) onlyForBuild(build, image);
  return image;
}

async function localImage(build: Build, name: string, platform: Platform): Promise<ImageRecord | undefined> {
  const { deps, request } = build;
  try {
    const { image, name: byName } = findImage(deps.images, name);
    // A short word is a name to pull, even where some image's id begins with it.
    if (byName === undefined && /^[a-f0-9]{1,11}$/.test(name)) return undefined;
    const { os, architecture, variant } = image.config;
    if (platformMatches(platform, { os, architecture, variant })) return image;
    const other = byName === undefined ? undefined : await imageOfIndex(deps, { image, name: byName }, platform);
    if (other) return onlyForBuild(build, other);
    request.onEvent({
      kind: "warning",
      message: `${name} is here for ${formatPlatform(image.config)} and not for ${formatPlatform(platform)}`,
    });
    return undefined;
  } catch (error) {
    if (isCode(error, "notFound")) return undefined;
    throw error;
  }
}

/** An image that nothing names is let go at the end of the build. */
function onlyForBuild({ deps, atEnd }: Build, image: ImageRecord): ImageRecord {
  atEnd(async () => {
    if (deps.images.namesOf(image.id).length === 0 && deps.imageUsers(image.id).length === 0)
      deps.images.remove(image.id);
  });
  return image;
}
