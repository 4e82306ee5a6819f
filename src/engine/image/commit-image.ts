import { now } from "../../base/time.ts";
import type { ImageConfigFile, ImageRecord, ImageRunConfig } from "../../core/image.ts";
import type { ImageDeps } from "../deps.ts";
import { addImage } from "./add-image.ts";
import { additionsTo } from "./additions.ts";
import { applyChanges } from "./config-changes.ts";
import { publishImageEvent, publishTags } from "./image-events.ts";
import { plainLayerType } from "./import-image.ts";

export interface CommitRequest {
  /** Root whose changes become the new layer. */
  readonly rootId: string;
  readonly parent: ImageRecord;
  /** Config of the instance; the image runs like it. */
  readonly config: ImageRunConfig;
  /** Command line of the instance, for the history. */
  readonly createdBy: string;
  readonly author: string;
  readonly comment: string;
  readonly changes: readonly string[];
  /** Full names for the image. */
  readonly names: readonly string[];
}

/** Makes an image of a root's changes on top of the image it came from. The caller keeps the root still meanwhile. */
export async function commitImage(deps: ImageDeps, request: CommitRequest): Promise<ImageRecord> {
  const runConfig = applyChanges(request.config, request.changes);
  const image = await additionsTo(deps.images).run(async () => {
    const blob = await deps.content.ingest(deps.snapshots.diff(request.rootId));
    const { parent } = request;
    return await addImage(deps, {
      configBytes: Buffer.from(JSON.stringify(configOf(request, runConfig, blob.digest))),
      layers: [...parent.layers, { blob: blob.digest, mediaType: plainLayerType, blobBytes: blob.sizeBytes }],
      parent: parent.id,
      names: request.names,
    });
  });
  publishImageEvent(deps, "create", { id: image.id, image, name: image.id });
  publishTags(deps, image, request.names);
  return image;
}

function configOf(request: CommitRequest, config: ImageRunConfig, diffId: ImageRecord["id"]): ImageConfigFile {
  const { parent, author, comment, createdBy } = request;
  const created = now();
  const said = { ...(author && { author }), ...(comment && { comment }) };
  const { config: _, comment: _comment, author: _author, ...inherited } = parent.config;
  return {
    ...inherited,
    created,
    ...said,
    config,
    rootfs: { type: "layers", diff_ids: [...parent.config.rootfs.diff_ids, diffId] },
    history: [...(parent.config.history ?? []), { created, created_by: createdBy, ...said }],
  };
}
