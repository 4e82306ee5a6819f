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
  const known = new Map<string, BuildStep>();
  return platforms.map((platform) => {
    const prepared = prepareBuild(request, readDockerfile(request, platform));
    const identities = stageIdentities(prepared, request);
    const steps = new Map<number, readonly BuildStep[]>();
    for (const stage of prepared.plan.stages) {
      const own = stepsOf(prepared, stage, { isLabelled: platforms.length > 1 }).map(({ after, ...step }) => {
        const key = platforms.length > 1 ? `${identities.after(stage, after)} ${after}` : `${stage.index} ${after}`;
        const same = known.get(key) ?? { number: firstStep + known.size, ...step };
        known.set(key, same);
        return same;
      });
      steps.set(stage.index, own);
    }
    return { ...prepared, steps, identityOf: identities.of };
  });
}

/** The steps of all plans, each once. */
export const stepsOfAll = (plans: readonly PlatformPlan[]): BuildStep[] => [
  ...new Set(plans.flatMap(({ steps }) => [...steps.values()].flat())),
];

interface NamedStep extends Omit<BuildStep, "number"> {
  /** Instructions of the stage that are done with it. */
  readonly after: number;
}

/** The FROM and what follows it, in the file's order. */
function stepsOf(prepared: PreparedBuild, stage: Stage, { isLabelled }: { isLabelled: boolean }): NamedStep[] {
  const { stages } = prepared.plan;
  const total = 1 + stage.instructions.filter(({ kind }) => kind !== "arg").length;
  const name = stages.length > 1 ? [stage.name ?? `stage-${stage.index}`] : [];
  const targetWords = baseWords(prepared, stage);
  const steps: NamedStep[] = [];
  for (const [after, instruction] of [stage.from, ...stage.instructions].entries()) {
    if (instruction.kind === "arg") {
      noteTarget(targetWords, instruction.args);
      continue;
    }
    const label = isLabelled ? [platformLabel(prepared, stage, targetWords)] : [];
    const { written } = instruction;
    const place = [...label, ...name, `${steps.length + 1}/${total}`].join(" ");
    steps.push({ after, written, name: `[${place}] ${written}` });
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
