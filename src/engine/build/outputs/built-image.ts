import type { Digest } from "../../../base/digest.ts";
import type { Platform } from "../../../base/platform.ts";
import type { ImageConfigFile, ImageLayer } from "../../../core/image.ts";
import { digestOfBytes } from "../../image/image-archive.ts";
import type { StageResult } from "../build.ts";
import type { BuildRequest } from "../request.ts";

/** What a build made for one platform. */
export interface BuiltImage {
  readonly platform: Platform;
  /** Digest of the config. */
  readonly id: Digest;
  readonly config: ImageConfigFile;
  readonly configBytes: Uint8Array;
  readonly layers: readonly ImageLayer[];
}

export function builtImage({ labels }: BuildRequest, platform: Platform, { config, layers }: StageResult): BuiltImage {
  const all = { ...config.config?.Labels, ...labels };
  const file: ImageConfigFile = {
    ...config,
    config: { ...config.config, ...(Object.keys(all).length > 0 && { Labels: all }) },
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
  };
  const configBytes = Buffer.from(JSON.stringify(file));
  return { platform, id: digestOfBytes(configBytes), config: file, configBytes, layers };
}
