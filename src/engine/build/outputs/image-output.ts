import { hostPlatform, platformMatches } from "../../../base/platform.ts";
import { parseReference } from "../../../base/reference.ts";
import type { ImageIndex, ImageLayer } from "../../../core/image.ts";
import { addImage, once } from "../../image/add-image.ts";
import { publishTags } from "../../image/image-events.ts";
import type { Descriptor } from "../../image/manifest.ts";
import { pushImage } from "../../image/push-image.ts";
import type { BuiltImage } from "./built-image.ts";
import type { Exported, Exporting } from "./export-outputs.ts";
import { storedFacts } from "./image-facts.ts";
import { manifestsOf } from "./manifests.ts";
import type { ImageOutput } from "./output.ts";

/** Puts the image into the engine's store, and from there into a registry. */
export async function exportImage(parts: Exporting, output: ImageOutput): Promise<Exported> {
  const { deps, request } = parts;
  const { names } = output;
  const own = ownImage(parts.images);
  const isIndex = parts.images.length > 1 || own.predicates.length > 0;
  const { layers, index } = isIndex ? await storeIndex(parts, output, own) : { layers: own.layers, index: undefined };
  const image = await addImage(deps, { configBytes: own.configBytes, layers, names, index });
  request.onEvent({ kind: "image", id: image.id, names });
  publishTags(deps, image, names);
  const pushed = output.push ? await pushNames(parts, output) : undefined;
  const top = index && { digest: index.digest, mediaType: index.mediaType, size: index.sizeBytes };
  return { image, facts: storedFacts(image.id, names, pushed ?? top) };
}

/** The image that goes by the names: the one that this machine runs, else the first. */
export const ownImage = (images: readonly BuiltImage[]): BuiltImage =>
  images.find(({ platform }) => platformMatches(hostPlatform(), platform)) ?? images[0]!;

/** Stores what the index names. Returns it with the layers of the image that goes by the names. */
async function storeIndex(
  parts: Exporting,
  { form, names }: ImageOutput,
  own: BuiltImage,
): Promise<{ layers: readonly ImageLayer[]; index: ImageIndex | undefined }> {
  const { images, documents, index } = await manifestsOf(parts, { form, names });
  for (const { digest, bytes } of documents) await parts.deps.content.ingest(once(bytes), { digest });
  return { layers: images.find(({ image }) => image === own)!.layers, index };
}

/** Returns what the registry has the last of the names under. */
async function pushNames({ deps, request }: Exporting, { names, form, ociTypes }: ImageOutput): Promise<Descriptor> {
  let pushed: Descriptor | undefined;
  for (const name of names) {
    pushed = await pushImage(deps, {
      ...{ name, form, ociTypes },
      credentials: await request.credentialsFor(parseReference(name).domain),
      report: () => {},
      signal: request.signal,
    });
  }
  return pushed!;
}
