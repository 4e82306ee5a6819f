import { IsleError, invalid } from "../../base/error.ts";
import { shortId } from "../../base/id.ts";
import { hostPlatform } from "../../base/platform.ts";
import { familiarReference, parseReference } from "../../base/reference.ts";
import type { BaseSystem, BaseSystemBuilder } from "../../core/base-system.ts";
import type { ImageConfigFile, ImageRecord } from "../../core/image.ts";
import type { ImageDeps } from "../deps.ts";
import { addImage } from "./add-image.ts";
import { additionsTo } from "./additions.ts";
import { publishImageEvent } from "./image-events.ts";
import { fullTag } from "./image-name.ts";
import { plainLayerType } from "./import-image.ts";
import type { ReportLine } from "./transfers.ts";

export interface BootstrapDeps extends ImageDeps {
  readonly baseSystems: BaseSystemBuilder;
}

export interface BootstrapRequest {
  /** Such as `debian:bookworm` or `busybox`. */
  readonly name: string;
  /** Of the result; `name` when left out. */
  readonly tag?: string | undefined;
  /** More packages of the distribution. */
  readonly packages?: readonly string[];
  /** `YYYY-MM-DD`; today in UTC when left out. */
  readonly date?: string | undefined;
  readonly report: ReportLine;
  readonly signal?: AbortSignal | undefined;
}

/** Makes a base image from a distribution's packages; the same date and packages give the same image id. */
export async function bootstrapImage(deps: BootstrapDeps, request: BootstrapRequest): Promise<ImageRecord> {
  const { name, packages = [], report, signal } = request;
  const tag = fullTag(request.tag || name);
  const date = parseDate(request.date ?? new Date().toISOString().slice(0, 10));
  const system = await deps.baseSystems.build({ name, packages, date, signal, onLine: (status) => report({ status }) });
  const image = await additionsTo(deps.images).run(async () => {
    const blob = await deps.content.ingest(system.tar);
    const config = baseConfig({ system, name, packages, date, diffId: blob.digest });
    return await addImage(deps, {
      configBytes: Buffer.from(JSON.stringify(config)),
      layers: [{ blob: blob.digest, mediaType: plainLayerType, blobBytes: blob.sizeBytes }],
      names: [tag],
      ...(signal && { signal }),
    }).catch((error: unknown) => {
      throw signal?.aborted ? new IsleError("cancelled", "the bootstrap was cancelled", { cause: error }) : error;
    });
  });
  const shown = familiarReference(parseReference(tag));
  publishImageEvent(deps, "import", { id: image.id, image, name: shown });
  report({ status: `Made ${shown} (${shortId(image.id)})`, aux: { ID: image.id } });
  return image;
}

function parseDate(text: string): Date {
  const date = new Date(`${text}T00:00:00Z`);
  if (/^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(date.getTime())) return date;
  throw invalid(`invalid date "${text}": want YYYY-MM-DD`);
}

interface BaseConfigFacts {
  readonly system: BaseSystem;
  readonly name: string;
  readonly packages: readonly string[];
  readonly date: Date;
  readonly diffId: ImageConfigFile["rootfs"]["diff_ids"][number];
}

function baseConfig({ system, name, packages, date, diffId }: BaseConfigFacts): ImageConfigFile {
  const created = date.toISOString().replace(".000", "");
  const { architecture, os } = hostPlatform();
  const day = created.slice(0, 10);
  const include = packages.map((each) => ` --include ${each}`).join("");
  return {
    architecture,
    os,
    created,
    config: { ...system.config, Labels: { "io.isle.bootstrap.name": name, "io.isle.bootstrap.date": day } },
    rootfs: { type: "layers", diff_ids: [diffId] },
    history: [{ created, created_by: `isle image bootstrap --date ${day}${include} ${name}` }],
  };
}
