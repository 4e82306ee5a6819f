import { formatPlatform, type Platform } from "../../base/platform.ts";
import { familiarReference, parseReference } from "../../base/reference.ts";
import { findStage, type Stage } from "../../core/build/dockerfile.ts";
import type { Material } from "./attest/provenance.ts";
import { imageNamed } from "./base-image.ts";
import type { Build, StageResult } from "./build.ts";
import type { NamedContext, NamedContexts } from "./request.ts";

/** What the name in a FROM, COPY --from or RUN --mount means. */
export type NamedSource = { readonly kind: "stage"; readonly stage: Stage } | NamedContext;

/** Where a name is used. */
export interface NamePlace {
  readonly build: Build;
  readonly stage: Stage;
  readonly platform: Platform;
}

/** The client's named contexts go before the stages above, and those before images. */
export async function sourceNamed({ build, stage, platform }: NamePlace, name: string): Promise<NamedSource> {
  const named = await namedContext(build.request.named, name, platform)?.();
  for (const material of materialsOf(named)) build.materials.set(material.uri, material);
  if (named) return named;
  const other = findStage(build.dockerfile.stages, name, stage.index);
  return other ? { kind: "stage", stage: other } : { kind: "image", name };
}

function materialsOf(named: NamedContext | undefined): readonly Material[] {
  if (named?.kind === "result") return named.result.materials;
  return named?.kind === "files" && named.files.origin ? [named.files.origin] : [];
}

/** The layers that a name stands for which is not one of files. */
export async function layersNamed(
  { build, platform }: NamePlace,
  source: Exclude<NamedSource, { kind: "files" }>,
): Promise<Pick<StageResult, "config" | "layers"> & Partial<StageResult>> {
  if (source.kind === "stage") return await build.stage(source.stage);
  return source.kind === "image" ? await imageNamed(build, source.name, platform) : source.result;
}

/** By the name as it is written, or as people write that of an image; one for the very platform goes first. */
export function namedContext(
  named: NamedContexts,
  name: string,
  platform: Platform,
): (() => Promise<NamedContext>) | undefined {
  if (named.size === 0) return undefined;
  const words = [name, name.toLowerCase(), familiarName(name)];
  const found = words.flatMap((word) => [`${word}::${formatPlatform(platform)}`, word]).find((word) => named.has(word));
  return found === undefined ? undefined : named.get(found);
}

function familiarName(name: string): string {
  try {
    return familiarReference(parseReference(name)).replace(/:latest$/, "");
  } catch {
    return name;
  }
}

/** Opens a context once, however often it is named. */
export function once<T>(open: () => Promise<T>): () => Promise<T> {
  let opened: Promise<T> | undefined;
  return () => {
    opened ??= open();
    return opened;
  };
}
