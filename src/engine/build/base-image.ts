import { isCode } from "../../base/error.ts";
import { formatPlatform, type Platform, platformMatches } from "../../base/platform.ts";
import { formatReference, parseReference, withDefaultTag } from "../../base/reference.ts";
import type { ImageRecord } from "../../core/image.ts";
import { findImage } from "../image/find-image.ts";
import { pullImage } from "../image/pull-image.ts";
import type { Build } from "./build.ts";

/** An image of this engine, pulled when it is not here or when the client wants the newest. */
export async function imageNamed(build: Build, name: string, platform: Platform): Promise<ImageRecord> {
  const { deps, request, signal } = build;
  const found = request.pull ? undefined : localImage(build, name, platform);
  if (found) return found;
  const reference = withDefaultTag(parseReference(name));
  await pullImage(deps, {
    name: formatReference(reference),
    platform,
    credentials: await request.credentialsFor(reference.domain),
    report: () => {},
    signal,
  });
  return findImage(deps.images, name).image;
}

function localImage({ deps, request }: Build, name: string, platform: Platform): ImageRecord | undefined {
  try {
    const { image, name: byName } = findImage(deps.images, name);
    // A short word is a name to pull, even where some image's id begins with it.
    if (byName === undefined && /^[a-f0-9]{1,11}$/.test(name)) return undefined;
    const { os, architecture, variant } = image.config;
    if (platformMatches(platform, { os, architecture, variant })) return image;
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
