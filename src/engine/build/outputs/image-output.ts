import { hostPlatform, platformMatches } from "../../../base/platform.ts";
import { parseReference } from "../../../base/reference.ts";
import { addImage } from "../../image/add-image.ts";
import { publishTags } from "../../image/image-events.ts";
import type { Descriptor } from "../../image/manifest.ts";
import { pushImage } from "../../image/push-image.ts";
import type { BuiltImage } from "./built-image.ts";
import type { Exported, Exporting } from "./export-outputs.ts";
import { storedFacts } from "./image-facts.ts";
import type { ImageOutput } from "./output.ts";

/** Puts the image into the engine's store, and from there into a registry. */
export async function exportImage(parts: Exporting, output: ImageOutput): Promise<Exported> {
  const { deps, request } = parts;
  const { names } = output;
  const { configBytes, layers } = ownImage(parts.images);
  const image = await addImage(deps, { configBytes, layers, names });
  request.onEvent({ kind: "image", id: image.id, names });
  publishTags(deps, image, names);
  const pushed = output.push ? await pushNames(parts, output) : undefined;
  return { image, facts: storedFacts(image.id, names, pushed) };
}

/** The one that this machine runs, else the first. */
const ownImage = (images: readonly BuiltImage[]): BuiltImage =>
  images.find(({ platform }) => platformMatches(hostPlatform(), platform)) ?? images[0]!;

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
