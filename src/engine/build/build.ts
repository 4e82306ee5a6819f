import { createHash } from "node:crypto";
import type { Platform } from "../../base/platform.ts";
import type { Dockerfile, Stage } from "../../core/build/dockerfile.ts";
import type { Variables } from "../../core/build/expand.ts";
import type { ImageConfigFile, ImageLayer } from "../../core/image.ts";
import type { Material } from "./attest/provenance.ts";
import type { ImportedCache } from "./cache/imported-cache.ts";
import type { BuildDeps } from "./deps.ts";
import type { BuildRequest, BuildStep } from "./request.ts";
import type { SourceRoots } from "./source-roots.ts";

/** One build under way: what its stages share. */
export interface Build {
  readonly deps: BuildDeps;
  readonly request: BuildRequest;
  readonly dockerfile: Dockerfile;
  readonly globals: Variables;
  /** What the result is for. */
  readonly platform: Platform;
  readonly platformArgs: Variables;
  /** Base of each stage, expanded. */
  readonly bases: ReadonlyMap<number, string>;
  readonly roots: SourceRoots;
  readonly imported: ImportedCache;
  /** Keys of the steps that this build itself has run, for whatever platform: a build without cache runs each once. */
  readonly made: Set<string>;
  /** Steps that this build runs right now, by their keys: whoever needs the same waits for it. */
  readonly underWay: Map<string, Promise<unknown>>;
  /** Steps that were told of, by their number: those that stages have in common are told of once. */
  readonly told: Map<number, "begun" | "failed">;
  /** What came from elsewhere so far for the stage at hand, by its URL. */
  readonly materials: Map<string, Material>;
  readonly signal: AbortSignal;
  /** Work for when the build is over, however it ends. */
  atEnd(work: () => Promise<void>): void;
  stepsOf(stage: Stage): readonly BuildStep[];
  stage(stage: Stage): Promise<StageResult>;
}

export interface StageResult {
  readonly config: ImageConfigFile;
  readonly layers: readonly ImageLayer[];
  /** ARGs of the stage, which those on top of it have too. */
  readonly args: ReadonlyMap<string, string | undefined>;
  /** Of the files. */
  readonly platform: Platform;
  /** What the build is for. */
  readonly madeFor: Platform;
  /** Its base had it ask for that, so that other platforms' builds cannot share it. */
  readonly isOfPlatform: boolean;
  readonly materials: readonly Material[];
}

/** The key of a step in the cache. */
export const cacheKey = (...parts: unknown[]): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("hex");
