import { normalArchitecture, type Platform, platformMatches } from "../../base/platform.ts";
import type { ImageRecord } from "../../core/image.ts";
import type { ImageDeps } from "../deps.ts";
import { addImage } from "./add-image.ts";
import { indexNamed } from "./image-index.ts";
import type { Manifest } from "./manifest.ts";

/**
 * The image for another platform that goes by the same name, unpacked and recorded without a name. Run it inside
 * `additionsTo(images).run`.
 */
export async function imageOfIndex(
  deps: ImageDeps,
  { image, name }: { readonly image: ImageRecord; readonly name: string },
  platform: Platform,
): Promise<ImageRecord | undefined> {
  const manifests = indexNamed(deps, image, name)?.manifests ?? [];
  const wanted = { ...platform, architecture: normalArchitecture(platform.architecture) };
  const found = manifests.find((each) => each.platform && platformMatches(wanted, each.platform));
  if (!found) return undefined;
  const { config, layers } = JSON.parse(Buffer.from(await deps.content.read(found.digest)).toString()) as Manifest;
  return await addImage(deps, {
    configBytes: await deps.content.read(config.digest),
    layers: layers.map(({ digest, mediaType, size }) => ({ blob: digest, mediaType, blobBytes: size })),
    manifest: { digest: found.digest, mediaType: found.mediaType },
    names: [],
  });
}
