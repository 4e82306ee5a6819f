import type { ImageLayer } from "../../../core/image.ts";
import type { StageResult } from "../build.ts";
import type { PlatformPlan } from "../platform-plan.ts";
import type { BuildFiles, BuildRequest } from "../request.ts";

/** Files beside the result that a bill of materials is wanted of, too. */
export interface ScannedTree {
  /** Such as `sbom-build`. */
  readonly name: string;
  readonly tree:
    | { readonly kind: "stage"; readonly layers: readonly ImageLayer[] }
    | { readonly kind: "context"; readonly files: BuildFiles };
}

interface Results {
  readonly request: BuildRequest;
  readonly plan: Pick<PlatformPlan, "plan">;
  /** One for each stage of the plan. */
  readonly all: readonly StageResult[];
}

/**
 * Stages that ask for it by an ARG BUILDKIT_SBOM_SCAN_STAGE of their own, whose value is true or names them; the target is scanned
 * anyway. BUILDKIT_SBOM_SCAN_CONTEXT asks for the context in the same way.
 */
export function scannedTrees({ request, plan: { plan }, all }: Results): ScannedTree[] {
  const trees: ScannedTree[] = [];
  let wantsContext = false;
  for (const [index, stage] of plan.stages.entries()) {
    const name = stage.name ?? `stage-${stage.index}`;
    const { layers, args } = all[index]!;
    const own = new Set(
      stage.instructions.flatMap((each) => (each.kind === "arg" ? each.args.map((arg) => arg.name) : [])),
    );
    const asks = (arg: string): boolean => own.has(arg) && isMeant(args.get(arg) ?? "", name);
    if (asks("BUILDKIT_SBOM_SCAN_CONTEXT")) wantsContext = true;
    if (stage.index !== plan.target.index && asks("BUILDKIT_SBOM_SCAN_STAGE")) {
      trees.push({ name: `sbom-${name}`, tree: { kind: "stage", layers } });
    }
  }
  if (wantsContext && request.context) {
    trees.push({ name: "sbom-context", tree: { kind: "context", files: request.context } });
  }
  return trees;
}

const isMeant = (value: string, stage: string): boolean =>
  /^(1|t|true)$/i.test(value) || value.split(",").includes(stage);
