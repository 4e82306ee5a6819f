import type { Platform } from "../../base/platform.ts";
import type { BuildPlan } from "../../core/build/plan.ts";
import { type PreparedBuild, prepareBuild, readDockerfile } from "./prepared-build.ts";
import type { BuildRequest, BuildStep } from "./request.ts";

/** What is to be done for one platform. */
export interface PlatformPlan extends PreparedBuild {
  readonly platform: Platform;
  /** Of each stage, by its number. */
  readonly steps: ReadonlyMap<number, readonly BuildStep[]>;
}

/** Plans the build for a platform. Fails with invalid, naming the line, before anything is done. */
export function planFor(request: BuildRequest, platform: Platform): PlatformPlan {
  const prepared = prepareBuild(request, readDockerfile(request, platform));
  return { ...prepared, platform, steps: numberSteps(prepared.plan) };
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
