import { IsleError } from "../../base/error.ts";
import type { Build, StageResult } from "./build.ts";
import type { PlatformPlan } from "./platform-plan.ts";
import { SourceRoots } from "./source-roots.ts";
import { buildStage } from "./stage.ts";

type Parts = PlatformPlan & Pick<Build, "deps" | "request" | "imported" | "made" | "materials">;

export interface StageResults {
  readonly target: StageResult;
  /** The target's among them. */
  readonly all: readonly StageResult[];
}

/** Runs the stages of a plan side by side. The first that fails ends the others. */
export async function runStages({ plan, steps, ...parts }: Parts): Promise<StageResults> {
  const { deps, request } = parts;
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
    const all = await Promise.all(plan.stages.map((stage) => build.stage(stage)));
    return { target: await build.stage(plan.target), all };
  } catch (error) {
    failure.abort(error);
    await Promise.allSettled(running.values());
    throw request.signal.aborted ? new IsleError("cancelled", "the build was cancelled", { cause: error }) : error;
  } finally {
    await roots.close();
    for (const work of lastly) await work();
  }
}
