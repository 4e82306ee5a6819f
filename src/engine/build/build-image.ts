import { IsleError, invalid, messageOf } from "../../base/error.ts";
import { hostPlatform } from "../../base/platform.ts";
import { atLines, type Dockerfile, parseDockerfile } from "../../core/build/dockerfile.ts";
import { expandWord, type Variables } from "../../core/build/expand.ts";
import { type BuildPlan, checkMounts, planBuild } from "../../core/build/plan.ts";
import { additionsTo } from "../image/additions.ts";
import { collectUnused } from "../image/collect.ts";
import type { Build, StageResult } from "./build.ts";
import type { BuildDeps } from "./deps.ts";
import { type BuiltImage, builtImage } from "./outputs/built-image.ts";
import { type ExportFacts, exportOutputs } from "./outputs/export-outputs.ts";
import { globalVariables, platformVariables } from "./platform-variables.ts";
import type { BuildRequest, BuildStep } from "./request.ts";
import { SourceRoots } from "./source-roots.ts";
import { namedContext } from "./sources.ts";
import { buildStage } from "./stage.ts";

export interface BuildOutcome {
  /** What the build made for the platform of this machine, else for the first one. */
  readonly image: BuiltImage;
  /** What the outputs tell of it, by BuildKit's names. */
  readonly facts: ExportFacts;
}

/**
 * Builds a Dockerfile's target and carries its outputs out. Stages run side by side, each as soon as those it takes from are
 * done; steps whose input did not change are taken from the cache. On failure nothing is left but what the cache holds.
 */
export async function buildImage(deps: BuildDeps, request: BuildRequest): Promise<BuildOutcome> {
  const dockerfile = parseDockerfile(request.dockerfile);
  const platform = request.platform ?? hostPlatform();
  const platformArgs = platformVariables(platform);
  const globals = globalVariables(dockerfile, request.args, platformArgs);
  const bases = expandBases(dockerfile, globals);
  const plan = planned(dockerfile, request, bases);
  checkMounts(plan.stages, ({ lines }, work) => atLines(request.dockerfile, lines, work));
  const steps = numberSteps(plan);
  const outcome = await additionsTo(deps.images).run(async () => {
    const result = await runStages({ deps, request, dockerfile, globals, platformArgs, bases }, plan, steps);
    const image = builtImage(request, platform, result);
    const { facts } = await exportOutputs({ deps, request, images: [image] }, [...steps.values()].flat().length + 1);
    return { image, facts };
  });
  // Blobs that were made for an output alone.
  if (request.outputs.some(({ kind }) => kind === "oci" || kind === "docker")) await collectUnused(deps);
  return outcome;
}

function expandBases(dockerfile: Dockerfile, globals: Variables): Map<number, string> {
  const options = { escapeChar: dockerfile.escapeChar };
  return new Map(
    dockerfile.stages.map(({ index, from }) => {
      const base = atLines(dockerfile.source, from.lines, () => expandWord(from.image, globals, options));
      if (base === "") {
        atLines(dockerfile.source, from.lines, () => {
          throw new Error(`base name (${from.image}) should not be blank`);
        });
      }
      return [index, base];
    }),
  );
}

function planned(
  dockerfile: Dockerfile,
  { target, named }: BuildRequest,
  bases: ReadonlyMap<number, string>,
): BuildPlan {
  try {
    return planBuild(dockerfile, target, { bases, isNamed: (name) => namedContext(named, name) !== undefined });
  } catch (error) {
    throw invalid(messageOf(error), {
      hint: `stages are ${dockerfile.stages.map(({ name, index }) => name ?? index).join(", ")}`,
    });
  }
}

async function runStages(
  parts: Pick<Build, "deps" | "request" | "dockerfile" | "globals" | "platformArgs" | "bases">,
  plan: BuildPlan,
  steps: ReadonlyMap<number, readonly BuildStep[]>,
): Promise<StageResult> {
  const { deps, request } = parts;
  request.onEvent({ kind: "plan", steps: [...steps.values()].flat() });
  const failure = new AbortController();
  const signal = AbortSignal.any([request.signal, failure.signal]);
  const roots = new SourceRoots(deps);
  const lastly: Array<() => Promise<void>> = [];
  const running = new Map<number, Promise<StageResult>>();
  const build: Build = {
    ...parts,
    roots,
    signal,
    atEnd: (work) => void lastly.push(work),
    stepsOf: (stage) => steps.get(stage.index) ?? [],
    stage(stage) {
      const begun = running.get(stage.index) ?? buildStage(build, stage);
      running.set(stage.index, begun);
      return begun;
    },
  };
  try {
    const results = plan.stages.map((stage) => build.stage(stage));
    await Promise.all(results);
    return await build.stage(plan.target);
  } catch (error) {
    failure.abort(error);
    await Promise.allSettled(running.values());
    throw request.signal.aborted ? new IsleError("cancelled", "the build was cancelled", { cause: error }) : error;
  } finally {
    await roots.close();
    for (const work of lastly) await work();
  }
}

/** The FROM and what follows it, numbered over all stages in the file's order. */
function numberSteps({ stages }: BuildPlan): Map<number, BuildStep[]> {
  const steps = new Map<number, BuildStep[]>();
  let number = 0;
  for (const stage of stages) {
    const shown = [stage.from, ...stage.instructions.filter(({ kind }) => kind !== "arg")];
    const label = stages.length > 1 ? `${stage.name ?? `stage-${stage.index}`} ` : "";
    steps.set(
      stage.index,
      shown.map(({ written }, index) => {
        number += 1;
        return { number, name: `[${label}${index + 1}/${shown.length}] ${written}`, written };
      }),
    );
  }
  return steps;
}
