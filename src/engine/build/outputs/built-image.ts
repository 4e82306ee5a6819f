import type { Digest } from "../../../base/digest.ts";
import type { Platform } from "../../../base/platform.ts";
import { inlineCacheMember } from "../../../core/build/cache-config.ts";
import type { ImageConfigFile, ImageLayer } from "../../../core/image.ts";
import { digestOfBytes } from "../../image/image-archive.ts";
import type { Predicate } from "../attest/predicates.ts";
import type { Material } from "../attest/provenance.ts";
import type { ScannedTree } from "../attest/scanned-trees.ts";
import type { StageResult } from "../build.ts";
import { inlineRecords } from "../cache/export-cache.ts";
import type { BuildDeps } from "../deps.ts";
import type { PlatformPlan } from "../platform-plan.ts";
import type { BuildRequest, BuildStep } from "../request.ts";

/** What a build made for one platform. */
export interface BuiltImage {
  readonly platform: Platform;
  /** Digest of the config. */
  readonly id: Digest;
  readonly config: ImageConfigFile;
  readonly configBytes: Uint8Array;
  readonly layers: readonly ImageLayer[];
  readonly steps: readonly BuildStep[];
  readonly materials: readonly Material[];
  /** What a bill of materials is wanted of besides. */
  readonly scanned: readonly ScannedTree[];
  /** What attests to it. */
  readonly predicates: readonly Predicate[];
}

interface BuiltFor {
  readonly request: BuildRequest;
  readonly plan: PlatformPlan;
  readonly materials: ReadonlyMap<string, Material>;
}

export function builtImage(
  deps: BuildDeps,
  { request, plan, materials }: BuiltFor,
  { config, layers, scanned }: Pick<StageResult, "config" | "layers"> & Pick<BuiltImage, "scanned">,
): BuiltImage {
  const labels = { ...config.config?.Labels, ...request.labels };
  const holdsCache = request.cacheTo.some(({ kind }) => kind === "inline");
  const file: ImageConfigFile = {
    ...config,
    config: { ...config.config, ...(Object.keys(labels).length > 0 && { Labels: labels }) },
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    ...(holdsCache && { [inlineCacheMember]: inlineRecords(deps, layers, request.epoch) }),
  };
  const configBytes = Buffer.from(JSON.stringify(file));
  return {
    ...{ platform: plan.platform, id: digestOfBytes(configBytes), config: file, configBytes, layers },
    steps: [...plan.steps.values()].flat(),
    materials: [...materials.values()].sort((a, b) => (a.uri < b.uri ? -1 : 1)),
    ...{ scanned, predicates: [] },
  };
}
