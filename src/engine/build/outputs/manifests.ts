import type { Digest } from "../../../base/digest.ts";
import type { ImageLayer } from "../../../core/image.ts";
import { digestOfBytes } from "../../image/image-archive.ts";
import { type LayerForm, layersInForm } from "../../image/layer-form.ts";
import { type Descriptor, mediaTypes, ociManifest } from "../../image/manifest.ts";
import type { BuiltImage } from "./built-image.ts";
import type { Exporting } from "./export-outputs.ts";

/** The OCI documents that describe a build's images. */
export interface ManifestSet {
  readonly images: ReadonlyArray<{ readonly image: BuiltImage; readonly layers: readonly ImageLayer[] }>;
  /** Manifests, and what else is no config and no layer. */
  readonly documents: ReadonlyArray<{ readonly digest: Digest; readonly bytes: Uint8Array }>;
  /** The index, or the one manifest where there is no index. */
  readonly top: Descriptor;
  readonly index: boolean;
}

/** Describes the images with layers of that form, which are stored on the way. */
export async function manifestsOf({ deps, images }: Exporting, form: LayerForm): Promise<ManifestSet> {
  const formed: Array<ManifestSet["images"][number]> = [];
  const documents: Array<ManifestSet["documents"][number]> = [];
  const descriptors: Descriptor[] = [];
  for (const image of images) {
    const layers = await layersInForm(deps, image.layers, form);
    formed.push({ image, layers });
    const manifest = ociManifest({ digest: image.id, sizeBytes: image.configBytes.length }, layers);
    descriptors.push({ ...add(documents, manifest, mediaTypes.manifest), platform: platformOf(image) });
  }
  if (descriptors.length === 1) return { images: formed, documents, top: descriptors[0]!, index: false };
  const top = add(
    documents,
    { schemaVersion: 2, mediaType: mediaTypes.index, manifests: descriptors },
    mediaTypes.index,
  );
  return { images: formed, documents, top, index: true };
}

function add(documents: Array<ManifestSet["documents"][number]>, document: object, mediaType: string): Descriptor {
  const bytes = Buffer.from(JSON.stringify(document));
  const digest = digestOfBytes(bytes);
  documents.push({ digest, bytes });
  return { mediaType, digest, size: bytes.length };
}

const platformOf = ({ config: { os, architecture, variant } }: BuiltImage) => ({
  os,
  architecture,
  ...(variant && { variant }),
});
