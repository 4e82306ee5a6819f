import type { Readable } from "node:stream";
import { hostPlatform, type Platform } from "../../base/platform.ts";
import { now } from "../../base/time.ts";
import type { ImageConfigFile, ImageRecord } from "../../core/image.ts";
import type { ImageDeps } from "../deps.ts";
import { addImage } from "./add-image.ts";
import { additionsTo } from "./additions.ts";
import { applyChanges } from "./config-changes.ts";
import { decompressed } from "./decompress.ts";
import { publishImageEvent, publishTags } from "./image-events.ts";

export const plainLayerType = "application/vnd.oci.image.layer.v1.tar";

export interface ImportRequest {
  /** Tar of the root file system; plain, or compressed with gzip, zstd, xz or bzip2. */
  readonly source: Readable;
  /** Full names for the image. */
  readonly names: readonly string[];
  /** Dockerfile instructions that set the config. */
  readonly changes: readonly string[];
  readonly message: string;
  readonly platform?: Platform | undefined;
  readonly signal?: AbortSignal;
}

/** Makes a one-layer image of an archive. */
export async function importImage(deps: ImageDeps, request: ImportRequest): Promise<ImageRecord> {
  const runConfig = applyChanges({}, request.changes);
  const image = await additionsTo(deps.images).run(async () => {
    const blob = await deps.content.ingest(decompressed(deps, request.source));
    const platform = request.platform ?? hostPlatform();
    const created = now();
    const config: ImageConfigFile = {
      architecture: platform.architecture,
      os: platform.os,
      ...(platform.variant && { variant: platform.variant }),
      created,
      ...(request.message && { comment: request.message }),
      config: runConfig,
      rootfs: { type: "layers", diff_ids: [blob.digest] },
      history: [{ created, comment: request.message }],
    };
    return await addImage(deps, {
      configBytes: Buffer.from(JSON.stringify(config)),
      layers: [{ blob: blob.digest, mediaType: plainLayerType, blobBytes: blob.sizeBytes }],
      names: request.names,
      ...(request.signal && { signal: request.signal }),
    });
  });
  publishImageEvent(deps, "import", { id: image.id, image, name: image.id });
  publishTags(deps, image, request.names);
  return image;
}
