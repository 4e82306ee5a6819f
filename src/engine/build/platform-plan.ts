import { formatPlatform, type Platform } from "../../base/platform.ts";
import { findStage, type Stage } from "../../core/build/dockerfile.ts";
import { type PreparedBuild, prepareBuild, readDockerfile } from "./prepared-build.ts";
import type { BuildRequest, BuildStep } from "./request.ts";
import { platformOf, stageIdentities } from "./stage-identity.ts";

/** What is to be done for one platform. */
export interface PlatformPlan extends PreparedBuild {
  /** Of each stage, by its number. */
  readonly steps: ReadonlyMap<number, readonly BuildStep[]>;
  /** Stages of several plans with the same identity are one. */
  identityOf(stage: Stage): string;
}

/** A plan for each platform. Fails with invalid, naming the line, before anything is done. */
export function plansFor(request: BuildRequest, platforms: readonly Platform[], firstStep = 1): PlatformPlan[] {
  const known = new Map<string, readonly BuildStep[]>();
  let number = firstStep;
  return platforms.map((platform) => {
    const prepared = prepareBuild(request, readDockerfile(request, platform));
    const identityOf = stageIdentities(prepared, request);
    const steps = new Map<number, readonly BuildStep[]>();
    for (const stage of prepared.plan.stages) {
      const identity = identityOf(stage);
      const own = known.get(identity) ?? stepsOf(prepared, stage, { number, isLabelled: platforms.length > 1 });
      if (!known.has(identity)) number += own.length;
      known.set(identity, own);
      steps.set(stage.index, own);
    }
    return { ...prepared, steps, identityOf };
  });
}

/** The steps of all plans, each once. */
export const stepsOfAll = (plans: readonly PlatformPlan[]): BuildStep[] => [
  ...new Set(plans.flatMap(({ steps }) => [...steps.values()].flat())),
];

/** The FROM and what follows it, numbered in the file's order. */
function stepsOf(
  prepared: PreparedBuild,
  stage: Stage,
  { number, isLabelled }: { number: number; isLabelled: boolean },
): BuildStep[] {
  const { stages } = prepared.plan;
  const total = 1 + stage.instructions.filter(({ kind }) => kind !== "arg").length;
  const name = stages.length > 1 ? [stage.name ?? `stage-${stage.index}`] : [];
  const targetWords = baseWords(prepared, stage);
  const steps: BuildStep[] = [];
  for (const { kind, written, ...instruction } of [stage.from, ...stage.instructions]) {
    if (kind === "arg" && "args" in instruction) noteTarget(targetWords, instruction.args);
    if (kind === "arg") continue;
    const label = isLabelled ? [platformLabel(prepared, stage, targetWords)] : [];
    const place = `${steps.length + 1}/${total}`;
    steps.push({
      number: number + steps.length,
      written,
      name: `[${[...label, ...name, place].join(" ")}] ${written}`,
    });
  }
  return steps;
}

const targetNames = ["TARGETPLATFORM", "TARGETOS", "TARGETARCH", "TARGETVARIANT"];

/** Variables of the target's platform that a stage has from the one it stands on. */
function baseWords(prepared: PreparedBuild, stage: Stage): Set<string> {
  const { dockerfile, bases } = prepared;
  const below = findStage(dockerfile.stages, bases.get(stage.index)!, stage.index);
  const words = below ? baseWords(prepared, below) : new Set<string>();
  for (const each of below?.instructions ?? []) if (each.kind === "arg") noteTarget(words, each.args);
  return words;
}

function noteTarget(words: Set<string>, args: ReadonlyArray<{ readonly name: string }>): void {
  for (const { name } of args) if (targetNames.includes(name)) words.add(name);
}

/** The platform that a step runs on, and the one it makes files for where it has asked for that: `linux/amd64->arm64`. */
function platformLabel(prepared: PreparedBuild, stage: Stage, words: ReadonlySet<string>): string {
  const { platform: target } = prepared;
  const own = platformOf(prepared, stage);
  const label = formatPlatform(own);
  if (words.size === 0) return label;
  const whole = words.has("TARGETPLATFORM");
  const os = whole || words.has("TARGETOS") ? target.os : own.os;
  const { architecture, variant } = whole || words.has("TARGETARCH") || words.has("TARGETVARIANT") ? target : own;
  const made = formatPlatform({ os, architecture, ...(variant && { variant }) });
  if (made === label) return label;
  return `${label}->${os === own.os ? made.slice(os.length + 1) : made}`;
}
