import { type Dockerfile, findStage, type Stage } from "./dockerfile.ts";
import type { Instruction } from "./instruction.ts";
import { parseRunMount } from "./run-mount.ts";

export interface BuildPlan {
  readonly target: Stage;
  /** Stages that the target needs, itself included, in the file's order. */
  readonly stages: readonly Stage[];
}

export interface PlanOptions {
  /** Bases by the number of their stage, expanded. */
  readonly bases: ReadonlyMap<number, string>;
  /** The name means files or an image of the client's choice, not a stage. */
  readonly isNamed: (name: string) => boolean;
}

/** Chooses the target and what it stands on; stages nobody needs are left out. Throws an Error for a target that is not there. */
export function planBuild(dockerfile: Dockerfile, target: string, { bases, isNamed }: PlanOptions): BuildPlan {
  const { stages } = dockerfile;
  const wanted = target === "" ? stages.at(-1) : findStage(stages, target);
  if (!wanted) throw new Error(`target stage "${target}" could not be found`);
  const needed = new Set<number>();
  const visit = (stage: Stage): void => {
    if (needed.has(stage.index)) return;
    needed.add(stage.index);
    for (const name of namesUsed(stage, bases.get(stage.index) ?? stage.from.image)) {
      if (isNamed(name)) continue;
      const other = findStage(stages, name, stage.index);
      if (other) visit(other);
      else if (/^\d+$/.test(name)) throw new Error(`invalid stage index ${name}: it is none of the stages before`);
    }
  };
  visit(wanted);
  return { target: wanted, stages: stages.filter(({ index }) => needed.has(index)) };
}

/** Stages or images that a stage stands on and takes from. */
export const namesUsed = (stage: Stage, base: string): string[] => [base, ...stage.instructions.flatMap(sourcesOf)];

/** Stages or images that an instruction takes files from. */
function sourcesOf(instruction: Instruction): string[] {
  if (instruction.kind === "copy" || instruction.kind === "add") return instruction.from ? [instruction.from] : [];
  if (instruction.kind !== "run") return [];
  return instruction.mounts.flatMap((text) => /(?:^|,)from=([^,]+)/.exec(text)?.[1] ?? []);
}

/** Refuses mounts that say nothing sensible, before anything is built. */
export function checkMounts(
  stages: readonly Stage[],
  check: (instruction: Instruction, work: () => void) => void,
): void {
  for (const instruction of stages.flatMap(({ instructions }) => instructions)) {
    if (instruction.kind !== "run") continue;
    check(instruction, () => instruction.mounts.forEach((text) => void parseRunMount(text)));
  }
}
