import { IsleError, invalid, isCode, messageOf } from "../../base/error.ts";
import { expandWord } from "../../core/build/expand.ts";
import type { LintWarning } from "../../core/build/lint/findings.ts";
import { type LintResult, lint } from "../../core/build/lint/lint.ts";
import { type Outline, type OutlineTarget, outlineOf, targetsOf } from "../../core/build/outline.ts";
import type { ImageRunConfig } from "../../core/image.ts";
import type { ImageDeps } from "../deps.ts";
import { findImage } from "../image/find-image.ts";
import { type PlannedRequest, prepareBuild, type ReadDockerfile, readDockerfile } from "./prepared-build.ts";
import type { BuildRequest } from "./request.ts";
import { namedContext } from "./sources.ts";

export type CheckRequest = PlannedRequest & Pick<BuildRequest, "ignored" | "platforms">;

export interface CheckReport {
  readonly warnings: readonly LintWarning[];
  /** Why it cannot be built, or why what was found forbids that. */
  readonly error: string | undefined;
}

/** Looks a build over without running anything: what the linter finds, and what would be refused. */
export function checkBuild(deps: ImageDeps, request: CheckRequest): CheckReport {
  let warnings: readonly LintWarning[] = [];
  try {
    const read = readDockerfile(request, request.platforms[0]);
    const result = lintRead(deps, request, { read, all: request.target === "" });
    warnings = result.warnings;
    prepareBuild(request, read);
    return { warnings, error: result.error };
  } catch (error) {
    if (!(error instanceof IsleError) && !(error instanceof Error)) throw error;
    return { warnings, error: messageOf(error) };
  }
}

/** Tells what the linter finds before a build; fails with invalid when the Dockerfile wants that to be an error. */
export function reportLint(
  deps: ImageDeps,
  request: CheckRequest & Pick<BuildRequest, "onEvent">,
  read: ReadDockerfile,
): void {
  const { warnings, error } = lintRead(deps, request, { read, all: false });
  for (const warning of warnings) request.onEvent({ kind: "lint", warning, source: request.dockerfile });
  if (error !== undefined) throw invalid(error);
}

interface Reading {
  readonly read: ReadDockerfile;
  /** Stages that nothing needs are looked into as well. */
  readonly all: boolean;
}

function lintRead(deps: ImageDeps, request: CheckRequest, { read, all }: Reading): LintResult {
  const { dockerfile, globals, platformArgs: platform } = read;
  const { args, ignored } = request;
  const { escapeChar } = dockerfile;
  const bases = new Map(
    dockerfile.stages.map(({ index, from }) => [index, quietly(() => expandWord(from.image, globals, { escapeChar }))]),
  );
  const needed = all ? undefined : quietPlan(request, read);
  return lint({
    ...{ dockerfile, globals, platform, args, ignored, bases },
    stages: needed ?? dockerfile.stages,
    configOf: (base) => (namedContext(request.named, base, read.platform) ? undefined : configOf(deps, base)),
  });
}

const quietly = (work: () => string): string => {
  try {
    return work();
  } catch {
    return "";
  }
};

/** Undefined where the build will be refused anyway. */
function quietPlan(request: CheckRequest, read: ReadDockerfile) {
  try {
    return prepareBuild(request, read).plan.stages;
  } catch {
    return undefined;
  }
}

/** Of an image that is here; nothing is fetched to look a Dockerfile over. */
function configOf({ images }: ImageDeps, base: string): ImageRunConfig | undefined {
  try {
    return findImage(images, base).image.config.config ?? {};
  } catch (error) {
    if (isCode(error, "notFound") || isCode(error, "invalid")) return undefined;
    throw error;
  }
}

/** What the target may be given. */
export function outlineBuild(request: CheckRequest): Outline {
  const { dockerfile, globals, plan } = prepareBuild(request, readDockerfile(request, request.platforms[0]));
  return outlineOf({ dockerfile, globals, args: request.args, ...plan });
}

/** The stages that can be built. */
export const targetsOfBuild = (request: CheckRequest): OutlineTarget[] =>
  targetsOf(readDockerfile(request, request.platforms[0]).dockerfile);
