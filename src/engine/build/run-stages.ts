import { IsleError } from "../../base/error.ts";
import { formatPlatform } from "../../base/platform.ts";
import type { Stage } from "../../core/build/dockerfile.ts";
import type { Material } from "./attest/provenance.ts";
import type { Build, StageResult } from "./build.ts";
import type { PlatformPlan } from "./platform-plan.ts";
import { SourceRoots } from "./source-roots.ts";
import { buildStage } from "./stage.ts";

type Parts = Pick<Build, "deps" | "request" | "imported">;

export interface StageResults {
  readonly target: StageResult;
  /** The target's among them. */
  readonly all: readonly StageResult[];
  /** What came from elsewhere, by its URL. */
  readonly materials: ReadonlyMap<string, Material>;
}

type Common = Omit<Build, keyof PlatformPlan | "materials" | "stepsOf" | "stage">;

/**
 * Runs the stages of all plans side by side, those that plans have in common once. The first that fails ends the others.
 * Returns what came of each plan.
 */
export async function runStages(parts: Parts, plans: readonly PlatformPlan[]): Promise<StageResults[]> {
  const { deps, request } = parts;
  const failure = new AbortController();
  const signal = AbortSignal.any([request.signal, failure.signal]);
  const roots = new SourceRoots(deps);
  const lastly: Array<() => Promise<void>> = [];
  const begun = new Map<string, Promise<StageResult>>();
  const atEnd = (work: () => Promise<void>): void => void lastly.push(work);
  const common: Common = { ...parts, roots, signal, atEnd, made: new Set(), underWay: new Map(), told: new Map() };
  try {
    return await Promise.all(plans.map((plan) => runPlan(common, plan, begun)));
  } catch (error) {
    failure.abort(error);
    await Promise.allSettled(begun.values());
    throw request.signal.aborted ? new IsleError("cancelled", "the build was cancelled", { cause: error }) : error;
  } finally {
    await roots.close();
    for (const work of lastly) await work();
  }
}

async function runPlan(
  common: Common,
  plan: PlatformPlan,
  begun: Map<string, Promise<StageResult>>,
): Promise<StageResults> {
  const { steps, identityOf, plan: needed, ...facts } = plan;
  const taken = new Set<StageResult>();
  const begin = (key: string, stage: Stage): Promise<StageResult> => {
    const known = begun.get(key) ?? buildStage({ ...build, materials: new Map() }, stage);
    begun.set(key, known);
    return known;
  };
  const build: Build = {
    ...common,
    ...facts,
    materials: new Map(),
    stepsOf: (stage) => steps.get(stage.index) ?? [],
    async stage(stage) {
      const identity = identityOf(stage);
      const shared = await begin(identity, stage);
      const isOurs = !shared.isOfPlatform || formatPlatform(shared.madeFor) === formatPlatform(plan.platform);
      const result = isOurs ? shared : await begin(`${formatPlatform(plan.platform)} ${identity}`, stage);
      taken.add(result);
      return result;
    },
  };
  const all = await Promise.all(needed.stages.map((stage) => build.stage(stage)));
  const target = await build.stage(needed.target);
  const materials = [...taken].flatMap((result) => result.materials);
  return { target, all, materials: new Map(materials.map((each) => [each.uri, each])) };
}
