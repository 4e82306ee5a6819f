import type { Platform } from "../../base/platform.ts";
import type { BuildPlan } from "../../core/build/plan.ts";
import { type PreparedBuild, prepareBuild, readDockerfile } from "./prepared-build.ts";
import type { BuildRequest, BuildStep } from "./request.ts";

/** What is to be done for one platform. */
export interface PlatformPlan extends PreparedBuild {
  /** Of each stage, by its number. */
  readonly steps: ReadonlyMap<number, readonly BuildStep[]>;
}

interface Shown {
  /** Of the first step. */
  readonly number: number;
  /** The platform, where the build is for several. */
  readonly label: string;
}

/** Plans the build for a platform. Fails with invalid, naming the line, before anything is done. */
export function planFor(request: BuildRequest, platform: Platform, shown: Shown): PlatformPlan {
  const prepared = prepareBuild(request, readDockerfile(request, platform));
  return { ...prepared, steps: numberSteps(prepared.plan, shown) };
}

/** The FROM and what follows it, numbered over all stages in the file's order. */
function numberSteps({ stages }: BuildPlan, { number: first, label: platform }: Shown): Map<number, BuildStep[]> {
  const steps = new Map<number, BuildStep[]>();
  let number = first;
  for (const stage of stages) {
    const shown = [stage.from, ...stage.instructions.filter(({ kind }) => kind !== "arg")];
    const name = stages.length > 1 ? (stage.name ?? `stage-${stage.index}`) : "";
    const label = [platform, name].filter(Boolean).map((word) => `${word} `);
    steps.set(
      stage.index,
      shown.map(({ written }, index) => ({
        ...{ number: number + index, written },
        name: `[${label.join("")}${index + 1}/${shown.length}] ${written}`,
      })),
    );
    number += shown.length;
  }
  return steps;
}
