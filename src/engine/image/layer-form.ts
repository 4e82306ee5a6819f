import { Readable } from "node:stream";
import { constants, createGzip, createZstdCompress } from "node:zlib";
import type { Digest } from "../../base/digest.ts";
import type { ImageLayer, ImageRepository } from "../../core/image.ts";
import type { ImageDeps } from "../deps.ts";
import { decompressed } from "./decompress.ts";
import { mediaTypes } from "./manifest.ts";

/** How the blobs of layers are to be compressed. */
export interface LayerForm {
  readonly compression: "gzip" | "zstd" | "uncompressed";
  readonly level: number | undefined;
  /** Layers that are compressed otherwise are compressed anew. */
  readonly force: boolean;
}

/** What registries want. */
export const usualForm: LayerForm = { compression: "gzip", level: undefined, force: false };

const formOf = ({ mediaType }: Pick<ImageLayer, "mediaType">): LayerForm["compression"] => {
  if (/[.+]gzip$/.test(mediaType)) return "gzip";
  return mediaType.endsWith("+zstd") ? "zstd" : "uncompressed";
};

const fits = (layer: ImageLayer, { compression, force }: LayerForm): boolean =>
  formOf(layer) === compression || (!force && compression !== "uncompressed" && formOf(layer) !== "uncompressed");

/**
 * The layers with blobs of that form: as they are where they fit, else another image's blob of the same layer, else a new
 * one. Run it inside `additionsTo(images).run`; what no record names in the end is collected.
 */
export async function layersInForm(
  deps: ImageDeps,
  layers: readonly ImageLayer[],
  form: LayerForm,
): Promise<ImageLayer[]> {
  if (layers.every((layer) => fits(layer, form))) return [...layers];
  const known = form.level === undefined ? knownLayers(deps.images, form) : new Map<Digest, ImageLayer>();
  const formed: ImageLayer[] = [];
  for (const layer of layers) {
    const ready = fits(layer, form) ? layer : known.get(layer.diffId);
    const { blob, mediaType, blobBytes } = ready ?? (await reformed(deps, layer, form));
    formed.push({ ...layer, blob, mediaType, blobBytes });
  }
  return formed;
}

function knownLayers(images: ImageRepository, form: LayerForm): Map<Digest, ImageLayer> {
  const layers = images.list().flatMap((image) => image.layers);
  return new Map(layers.filter((layer) => fits(layer, form)).map((layer) => [layer.diffId, layer]));
}

async function reformed(deps: ImageDeps, layer: ImageLayer, form: LayerForm): Promise<Omit<ImageLayer, "chainId">> {
  const plain =
    formOf(layer) === "uncompressed"
      ? deps.content.open(layer.blob)
      : decompressed(deps, deps.content.open(layer.blob));
  const { digest, sizeBytes } = await deps.content.ingest(compressed(plain, form));
  return { ...layer, blob: digest, blobBytes: sizeBytes, mediaType: typeOf(form) };
}

const typeOf = ({ compression }: LayerForm): string =>
  compression === "uncompressed" ? mediaTypes.layer : `${mediaTypes.layer}+${compression}`;

/** The same bytes for the same input: no name and no time are in it. */
function compressed(plain: AsyncIterable<Uint8Array>, { compression, level }: LayerForm): AsyncIterable<Uint8Array> {
  if (compression === "uncompressed") return plain;
  const through =
    compression === "gzip"
      ? createGzip({ level: Math.min(level ?? 6, 9) })
      : createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: level ?? 3 } });
  const source = Readable.from(plain, { objectMode: false });
  source.once("error", (error) => through.destroy(error));
  through.once("close", () => source.destroy());
  return source.pipe(through);
}
