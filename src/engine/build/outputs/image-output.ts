import { hostPlatform, platformMatches } from "../../../base/platform.ts";
import { formatReference, parseReference } from "../../../base/reference.ts";
import type { ImageIndex, ImageLayer, ImageRecord } from "../../../core/image.ts";
import { addImage, once } from "../../image/add-image.ts";
import { publishTags } from "../../image/image-events.ts";
import type { Descriptor, Manifest } from "../../image/manifest.ts";
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
  const described = (await needsManifest(parts, output, own)) ? await storeManifests(parts, output, own) : undefined;
  const { layers, top, ...documents } = described ?? { layers: own.layers, top: undefined };
  const image = await addImage(deps, { configBytes: own.configBytes, layers, names, ...documents });
  if (top) deps.images.put(image, output.digestNames.map(byDigest(top)));
  request.onEvent({ kind: "image", id: image.id, names });
  publishTags(deps, image, names);
  const pushed = output.push ? await pushNames(parts, output) : undefined;
  const told = pushed && { ...pushed, ...(top?.annotations && { annotations: top.annotations }) };
  return { image, facts: storedFacts(image.id, names, told ?? top) };
}

const byDigest =
  ({ digest }: Descriptor) =>
  (name: string): string =>
    formatReference({ ...parseReference(name), tag: undefined, digest });

/** Else a manifest is made when the image is pushed. One that an earlier build has annotated is not of this one. */
async function needsManifest({ deps, images }: Exporting, output: ImageOutput, own: BuiltImage): Promise<boolean> {
  if (images.length > 1 || own.predicates.length > 0) return true;
  if (output.annotations.length > 0 || output.digestNames.length > 0) return true;
  const known = deps.images.get(own.id)?.manifest;
  if (!known || deps.content.size(known.digest) === undefined) return false;
  const manifest = JSON.parse(Buffer.from(await deps.content.read(known.digest)).toString()) as Manifest;
  return manifest.annotations !== undefined;
}

/** The image that goes by the names: the one that this machine runs, else the first. */
export const ownImage = (images: readonly BuiltImage[]): BuiltImage =>
  images.find(({ platform }) => platformMatches(hostPlatform(), platform)) ?? images[0]!;

interface Described {
  /** Of the image that goes by the names. */
  readonly layers: readonly ImageLayer[];
  readonly top: Descriptor;
  readonly index: ImageIndex | undefined;
  readonly manifest?: NonNullable<ImageRecord["manifest"]>;
}

/** Stores the manifest, or an index with all it names. */
async function storeManifests(parts: Exporting, output: ImageOutput, own: BuiltImage): Promise<Described> {
  const set = await manifestsOf(parts, { ...output, dockerTypes: !output.ociTypes });
  for (const { digest, bytes } of set.documents) await parts.deps.content.ingest(once(bytes), { digest });
  const { top, index } = set;
  const layers = set.images.find(({ image }) => image === own)!.layers;
  return { layers, top, index, ...(!index && { manifest: { digest: top.digest, mediaType: top.mediaType } }) };
}

/** Returns what the registry has the last of the names under. */
async function pushNames(
  { deps, request }: Exporting,
  { names, form, ociTypes, pushByDigest }: ImageOutput,
): Promise<Descriptor> {
  let pushed: Descriptor | undefined;
  for (const name of names) {
    pushed = await pushImage(deps, {
      ...{ name, form, ociTypes, byDigest: pushByDigest },
      credentials: await request.credentialsFor(parseReference(name).domain),
      report: () => {},
      signal: request.signal,
    });
  }
  return pushed!;
}
