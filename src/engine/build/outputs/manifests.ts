import type { Digest } from "../../../base/digest.ts";
import type { ImageIndex, ImageLayer, IndexedManifest } from "../../../core/image.ts";
import { type ArchiveBlob, digestOfBytes } from "../../image/image-archive.ts";
import { type LayerForm, layersInForm } from "../../image/layer-form.ts";
import { type Descriptor, dockerManifest, mediaTypes, ociManifest } from "../../image/manifest.ts";
import { imageSubjects, statementOf } from "../attest/predicates.ts";
import { type Annotation, annotationsAt, checkAnnotations } from "./annotations.ts";
import type { BuiltImage } from "./built-image.ts";
import type { Exporting } from "./export-outputs.ts";

/** The OCI documents that describe a build's images. */
export interface ManifestSet {
  readonly images: ReadonlyArray<{ readonly image: BuiltImage; readonly layers: readonly ImageLayer[] }>;
  /** All that is no layer: configs, manifests, statements, the index. */
  readonly documents: readonly Required<ArchiveBlob>[];
  /** The index, or the one manifest where there is no index. */
  readonly top: Descriptor;
  /** Undefined for one image that nothing attests to. */
  readonly index: ImageIndex | undefined;
}

interface Wanted {
  readonly form: LayerForm;
  readonly names: readonly string[];
  readonly annotations: readonly Annotation[];
  /** Docker's words for a manifest that stands alone, instead of OCI's. */
  readonly dockerTypes?: boolean;
}

/** Describes the images and what attests to them, with layers of that form, which are stored on the way. */
export async function manifestsOf({ deps, images }: Exporting, wanted: Wanted): Promise<ManifestSet> {
  const { form, names, annotations } = wanted;
  const isIndex = images.length > 1 || images.some(({ predicates }) => predicates.length > 0);
  checkAnnotations(annotations, { platforms: images.map(({ platform }) => platform), isIndex });
  const words = { annotations, dockerTypes: !isIndex && (wanted.dockerTypes ?? false) };
  const documents = new Documents();
  const described: Array<ManifestSet["images"][number]> = [];
  const entries: Entry[] = [];
  for (const image of images) {
    const layers = await layersInForm(deps, image.layers, form);
    described.push({ image, layers });
    entries.push(imageEntry(documents, { image, layers }, words));
  }
  const attesting = images.flatMap((image, at) =>
    image.predicates.length === 0 ? [] : [attestationEntry(documents, { image, names }, entries[at]!.descriptor)],
  );
  const all = [...entries, ...attesting];
  if (all.length === 1)
    return { images: described, documents: documents.all, top: all[0]!.descriptor, index: undefined };
  const manifests = all.map(({ descriptor }) => descriptor);
  const own = annotationsAt(annotations, "index");
  const document = { schemaVersion: 2, mediaType: mediaTypes.index, manifests, ...own };
  const top = { ...documents.add(document, mediaTypes.index), ...annotationsAt(annotations, "index-descriptor") };
  const index = {
    ...{ digest: top.digest, mediaType: top.mediaType, sizeBytes: top.size },
    manifests: all.map(({ indexed }) => indexed),
  };
  return { images: described, documents: documents.all, top, index };
}

/** A manifest as the index names it, and as the engine's store does. */
interface Entry {
  readonly descriptor: Descriptor;
  readonly indexed: IndexedManifest;
}

/** JSON documents by their digests. */
class Documents {
  readonly all: Required<ArchiveBlob>[] = [];

  add(document: object, mediaType: string): Descriptor {
    return this.addBytes(Buffer.from(JSON.stringify(document)), mediaType);
  }

  addBytes(bytes: Uint8Array, mediaType: string): Descriptor {
    const digest = digestOfBytes(bytes);
    this.all.push({ digest, bytes });
    return { mediaType, digest, size: bytes.length };
  }
}

function imageEntry(
  documents: Documents,
  { image, layers }: ManifestSet["images"][number],
  { annotations, dockerTypes }: Required<Pick<Wanted, "annotations" | "dockerTypes">>,
): Entry {
  const config = documents.addBytes(image.configBytes, mediaTypes.config);
  const describe = dockerTypes ? dockerManifest : ociManifest;
  const manifest = {
    ...describe({ digest: config.digest, sizeBytes: config.size }, layers),
    ...annotationsAt(annotations, "manifest", image.platform),
  };
  const { os, architecture, variant } = image.config;
  const platform = { os, architecture, ...(variant && { variant }) };
  const own = annotationsAt(annotations, "manifest-descriptor", image.platform);
  const descriptor = { ...documents.add(manifest, manifest.mediaType), ...own, platform };
  return { descriptor, indexed: indexedOf(descriptor, { blobs: [config.digest, ...layers.map(({ blob }) => blob)] }) };
}

/** A manifest whose layers are statements, in the form that BuildKit gave it. */
function attestationEntry(
  documents: Documents,
  { image, names }: { image: BuiltImage; names: readonly string[] },
  { digest: attestsTo }: Descriptor,
): Entry {
  const subjects = imageSubjects(image, names, attestsTo);
  const layers = image.predicates.map((predicate) => ({
    ...documents.add(statementOf(predicate, subjects), "application/vnd.in-toto+json"),
    annotations: { "in-toto.io/predicate-type": predicate.type },
  }));
  const unknown = { architecture: "unknown", os: "unknown" };
  const config = documents.add(
    { ...unknown, config: {}, rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) } },
    mediaTypes.config,
  );
  const manifest = documents.add(
    { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers },
    mediaTypes.manifest,
  );
  const annotations = {
    "vnd.docker.reference.digest": attestsTo,
    "vnd.docker.reference.type": "attestation-manifest",
  };
  return {
    descriptor: { ...manifest, annotations, platform: unknown },
    indexed: indexedOf(manifest, { attestsTo, blobs: [config.digest, ...layers.map(({ digest }) => digest)] }),
  };
}

const indexedOf = (
  { digest, mediaType, size, platform }: Descriptor,
  more: { blobs: readonly Digest[]; attestsTo?: Digest },
): IndexedManifest => ({
  ...{ digest, mediaType, sizeBytes: size, ...more },
  ...(platform && {
    platform: {
      os: platform.os,
      architecture: platform.architecture,
      ...(platform.variant && { variant: platform.variant }),
    },
  }),
});
