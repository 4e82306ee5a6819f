import { type IsleError, invalid, messageOf, unsupported } from "../../base/error.ts";
import { hostPlatform, type Platform } from "../../base/platform.ts";
import { parseReference } from "../../base/reference.ts";
import { atLines, type Dockerfile, findStage, parseDockerfile, type Stage } from "../../core/build/dockerfile.ts";
import { expandWord, type Variables } from "../../core/build/expand.ts";
import { type BuildPlan, checkMounts, type PlanOptions, planBuild } from "../../core/build/plan.ts";
import { isBuiltInSyntax, syntaxOf } from "../../core/build/syntax.ts";
import { globalVariables, platformVariables } from "./platform-variables.ts";
import type { BuildRequest } from "./request.ts";
import { namedContext } from "./sources.ts";

/** What a Dockerfile says, for one platform. */
export interface ReadDockerfile {
  readonly dockerfile: Dockerfile;
  readonly platform: Platform;
  readonly platformArgs: Variables;
  readonly globals: Variables;
}

/** Read, and found fit to be built. */
export interface PreparedBuild extends ReadDockerfile {
  /** Base of each stage, expanded. */
  readonly bases: ReadonlyMap<number, string>;
  readonly plan: BuildPlan;
}

export type PlannedRequest = Pick<BuildRequest, "dockerfile" | "args" | "target" | "named">;

export function readDockerfile(request: PlannedRequest, platform: Platform = hostPlatform()): ReadDockerfile {
  refuseForeignSyntax(request);
  const dockerfile = parseDockerfile(request.dockerfile);
  const platformArgs = platformVariables(platform);
  return { dockerfile, platform, platformArgs, globals: globalVariables(dockerfile, request.args, platformArgs) };
}

/** A file that another frontend reads may mean anything, even where it looks like a Dockerfile. */
function refuseForeignSyntax({ dockerfile, args }: PlannedRequest): void {
  const chosen = args.get("BUILDKIT_SYNTAX");
  const named = chosen ? { image: chosen, line: undefined } : syntaxOf(dockerfile.text);
  if (named === undefined || isBuiltInSyntax(named.image)) return;
  const place = named.line === undefined ? "the build argument BUILDKIT_SYNTAX" : `line ${named.line}`;
  throw foreignSyntax(named.image, place);
}

/** What to tell of a frontend that is not the built-in one. */
export const foreignSyntax = (image: string, place: string): IsleError =>
  unsupported(`the frontend ${image} that ${place} names`, {
    hint: "only docker/dockerfile is built in; with --build-arg BUILDKIT_SYNTAX=docker/dockerfile the file is read as a Dockerfile",
  });

/** Plans a build before anything is touched. Fails with invalid, naming the line. */
export function prepareBuild(request: PlannedRequest, read: ReadDockerfile): PreparedBuild {
  const { dockerfile, platform, globals } = read;
  const bases = new Map(dockerfile.stages.map((stage) => [stage.index, baseOf(dockerfile, stage, globals)]));
  const isNamed = (name: string): boolean => namedContext(request.named, name, platform) !== undefined;
  const plan = planned(dockerfile, request.target, { bases, isNamed });
  checkBases(dockerfile, plan, { bases, isNamed });
  checkMounts(plan.stages, ({ lines }, work) => atLines(request.dockerfile, lines, work));
  return { ...read, bases, plan };
}

function baseOf({ source, escapeChar }: Dockerfile, { from }: Stage, globals: Variables): string {
  return atLines(source, from.lines, () => {
    const base = expandWord(from.image, globals, { escapeChar });
    if (base === "") throw new Error(`base name (${from.image}) should not be blank`);
    const platform = from.platform && expandWord(from.platform, globals, { escapeChar });
    if (platform === "") throw new Error(`empty platform value from expression ${from.platform}`);
    return base;
  });
}

function planned(dockerfile: Dockerfile, target: string, options: PlanOptions): BuildPlan {
  try {
    return planBuild(dockerfile, target, options);
  } catch (error) {
    throw invalid(messageOf(error), {
      hint: `stages are ${dockerfile.stages.map(({ name, index }) => name ?? index).join(", ")}`,
    });
  }
}

/** A base that is no stage and no named context must look like an image. */
function checkBases(dockerfile: Dockerfile, plan: BuildPlan, { bases, isNamed }: PlanOptions): void {
  for (const { index, from } of plan.stages) {
    const base = bases.get(index)!;
    if (findStage(dockerfile.stages, base, index) || isNamed(base)) continue;
    atLines(dockerfile.source, from.lines, () => {
      try {
        parseReference(base);
      } catch (error) {
        throw new Error(`failed to parse stage name "${base}": ${messageOf(error)}`);
      }
    });
  }
}
