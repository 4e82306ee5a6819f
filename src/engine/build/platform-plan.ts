import { invalid, messageOf } from "../../base/error.ts";
import type { Platform } from "../../base/platform.ts";
import { atLines, type Dockerfile, parseDockerfile } from "../../core/build/dockerfile.ts";
import { expandWord, type Variables } from "../../core/build/expand.ts";
import { type BuildPlan, checkMounts, planBuild } from "../../core/build/plan.ts";
import { globalVariables, platformVariables } from "./platform-variables.ts";
import type { BuildRequest, BuildStep } from "./request.ts";
import { namedContext } from "./sources.ts";

/** What is to be done for one platform. */
export interface PlatformPlan {
  readonly platform: Platform;
  readonly dockerfile: Dockerfile;
  readonly globals: Variables;
  readonly platformArgs: Variables;
  /** Base of each stage, expanded. */
  readonly bases: ReadonlyMap<number, string>;
  readonly plan: BuildPlan;
  /** Of each stage, by its number. */
  readonly steps: ReadonlyMap<number, readonly BuildStep[]>;
}

/** Plans the build for a platform. Fails with invalid, naming the line, before anything is done. */
export function planFor(request: BuildRequest, platform: Platform): PlatformPlan {
  const dockerfile = parseDockerfile(request.dockerfile);
  const platformArgs = platformVariables(platform);
  const globals = globalVariables(dockerfile, request.args, platformArgs);
  const bases = expandBases(dockerfile, globals);
  const plan = planned(dockerfile, request, bases);
  checkMounts(plan.stages, ({ lines }, work) => atLines(request.dockerfile, lines, work));
  return { platform, dockerfile, globals, platformArgs, bases, plan, steps: numberSteps(plan) };
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
