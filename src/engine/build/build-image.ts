import { formatPlatform, hostPlatform } from "../../base/platform.ts";
import { now } from "../../base/time.ts";
import type { ImageLayer } from "../../core/image.ts";
import { additionsTo } from "../image/additions.ts";
import { collectUnused } from "../image/collect.ts";
import { type BuildAttachment, buildAttachments } from "./attest/build-attachments.ts";
import { attested } from "./attest/predicates.ts";
import { scannedTrees } from "./attest/scanned-trees.ts";
import { type CachedLayers, exportCaches } from "./cache/export-cache.ts";
import { BrokenCache, ImportedCache } from "./cache/imported-cache.ts";
import { readCaches } from "./cache/read-cache.ts";
import { reportLint } from "./check-build.ts";
import type { BuildDeps } from "./deps.ts";
import { checkRunnable } from "./emulators.ts";
import { type BuiltImage, builtImage } from "./outputs/built-image.ts";
import { type ExportFacts, exportOutputs } from "./outputs/export-outputs.ts";
import { ownImage } from "./outputs/image-output.ts";
import { type PlatformPlan, plansFor, stepsOfAll } from "./platform-plan.ts";
import type { BuildRequest } from "./request.ts";
import { runStages } from "./run-stages.ts";

export interface BuildOutcome {
  /** What the build made for the platform of this machine, else for the first one. */
  readonly image: BuiltImage;
  /** One for each platform. */
  readonly images: readonly BuiltImage[];
  /** What the outputs tell of it, by BuildKit's names. */
  readonly facts: ExportFacts;
  /** What the history keeps of it; made when it is asked for. */
  attachments(): BuildAttachment[];
}

/**
 * Builds a Dockerfile's target and carries its outputs out. Stages run side by side, each as soon as those it takes from are
 * done; steps whose input did not change are taken from the cache. On failure nothing is left but what the cache holds.
 */
export async function buildImage(deps: BuildDeps, request: BuildRequest): Promise<BuildOutcome> {
  const startedOn = now();
  const plans = plansOf(request);
  checkRunnable(deps, request, plans);
  if (!request.isChecked) reportLint(deps, request, plans[0]!);
  const steps = stepsOfAll(plans);
  request.onEvent({ kind: "plan", steps });
  const outcome = await additionsTo(deps.images).run(async () => {
    const beside = steps.length + 1;
    const imports = beside + request.outputs.length;
    const lastCache = imports + request.cacheFrom.length + request.cacheTo.length;
    const built = await runPlans(deps, request, { plans, imports });
    const images = await attested(deps, { request, startedOn, firstStep: lastCache }, built.images);
    const { facts } = await exportOutputs({ deps, request, images }, beside);
    const cached = await exportCaches(deps, request, { ...built, firstStep: imports + request.cacheFrom.length });
    return {
      ...{ image: ownImage(built.images), images: built.images, facts: { ...facts, ...cached } },
      attachments: () => buildAttachments(request, built.images, startedOn),
    };
  });
  // Blobs that were made for an output or a cache alone, or came with one.
  const { outputs, cacheFrom, cacheTo } = request;
  const leaves = outputs.some(({ kind }) => kind === "oci" || kind === "docker");
  if (leaves || cacheFrom.length + cacheTo.length > 0) await collectUnused(deps);
  return outcome;
}

function plansOf(request: BuildRequest): PlatformPlan[] {
  const wanted = request.platforms.length > 0 ? request.platforms : [hostPlatform()];
  return plansFor(request, [...new Map(wanted.map((platform) => [formatPlatform(platform), platform])).values()]);
}

interface Built extends CachedLayers {
  readonly images: readonly BuiltImage[];
}

/** Runs the plans; once more without the caches of others when one of those turns out to be broken. */
async function runPlans(
  deps: BuildDeps,
  request: BuildRequest,
  { plans, imports }: { readonly plans: readonly PlatformPlan[]; readonly imports: number },
): Promise<Built> {
  const caches = await readCaches(deps, request, imports);
  try {
    return await runWith(deps, { request, plans, imported: new ImportedCache(deps, caches) });
  } catch (error) {
    if (!(error instanceof BrokenCache) || request.signal.aborted) throw error;
    request.onEvent({ kind: "warning", message: `${error.message}; its steps are run` });
    return await runWith(deps, { request, plans, imported: new ImportedCache(deps, []) });
  }
}

async function runWith(
  deps: BuildDeps,
  { request, plans, imported }: { request: BuildRequest; plans: readonly PlatformPlan[]; imported: ImportedCache },
): Promise<Built> {
  const results = await runStages({ deps, request, imported }, plans);
  const images: BuiltImage[] = [];
  const ofAllStages: ImageLayer[] = [];
  const wantsAll = request.cacheTo.some((target) => target.kind !== "inline" && target.mode === "max");
  for (const [index, { target, all, materials }] of results.entries()) {
    const layers = await imported.present(target.layers);
    const plan = plans[index]!;
    const scanned = request.attest.sbom ? scannedTrees({ request, plan, all }) : [];
    for (const { tree } of scanned) if (tree.kind === "stage") await imported.present(tree.layers);
    images.push(builtImage(deps, { request, plan, materials }, { ...target, layers, scanned }));
    for (const stage of wantsAll ? all : []) ofAllStages.push(...(await imported.present(stage.layers)));
  }
  return { images, ofResult: images.flatMap(({ layers }) => layers), ofAllStages };
}
