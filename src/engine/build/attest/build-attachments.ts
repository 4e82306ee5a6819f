import type { Digest } from "../../../base/digest.ts";
import { newId } from "../../../base/id.ts";
import { formatPlatform } from "../../../base/platform.ts";
import { now } from "../../../base/time.ts";
import { mediaTypes } from "../../image/manifest.ts";
import type { BuiltImage } from "../outputs/built-image.ts";
import type { BuildRequest } from "../request.ts";
import { predicateTypes, provenance } from "./provenance.ts";

/** A document about a build: how an image came to be, or the image itself, which lies in the store if it is anywhere. */
export interface BuildAttachment {
  readonly mediaType: string;
  /** Empty where there is one platform alone. */
  readonly platform: string;
  readonly content: { readonly digest: Digest; readonly sizeBytes: number } | { readonly bytes: Uint8Array };
  readonly predicateType?: string;
}

/** What the history keeps of a build's results: all of its provenance, whatever its outputs carry. */
export function buildAttachments(
  request: BuildRequest,
  images: readonly BuiltImage[],
  startedOn: string,
): BuildAttachment[] {
  const wish = {
    ...({ mode: "max", version: "v0.2", inlineOnly: false, reproducible: false } as const),
    builderId: request.attest.provenance?.builderId ?? "",
  };
  const times = { invocationId: newId(), startedOn, finishedOn: now() };
  const inStore = request.outputs.some(({ kind }) => kind === "image");
  return images.flatMap((image) => {
    const platform = images.length > 1 ? formatPlatform(image.platform) : "";
    const told = provenance({ wish, request, image, times });
    const config = { digest: image.id, sizeBytes: image.configBytes.length };
    return [
      ...(inStore ? [{ mediaType: mediaTypes.config, platform, content: config }] : []),
      {
        mediaType: "application/vnd.in-toto+json",
        platform,
        content: { bytes: Buffer.from(JSON.stringify(told, undefined, 2)) },
        predicateType: predicateTypes[wish.version],
      },
    ];
  });
}
