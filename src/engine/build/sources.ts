import { familiarReference, parseReference } from "../../base/reference.ts";
import { findStage, type Stage } from "../../core/build/dockerfile.ts";
import type { Build } from "./build.ts";
import type { BuildFiles, NamedContext, NamedContexts } from "./request.ts";

/** What the name in a FROM, COPY --from or RUN --mount means. */
export type NamedSource =
  | { readonly kind: "stage"; readonly stage: Stage }
  | { readonly kind: "image"; readonly name: string }
  | { readonly kind: "files"; readonly files: BuildFiles };

/** The client's named contexts go before the stages above, and those before images. */
export async function sourceNamed(build: Build, name: string, stage: Stage): Promise<NamedSource> {
  const named = await namedContext(build.request.named, name)?.();
  const origin = named?.kind === "files" ? named.files.origin : undefined;
  if (origin) build.materials.set(origin.uri, origin);
  if (named) return named;
  const other = findStage(build.dockerfile.stages, name, stage.index);
  return other ? { kind: "stage", stage: other } : { kind: "image", name };
}

/** By the name as it is written, or as people write that of an image. */
export function namedContext(named: NamedContexts, name: string): (() => Promise<NamedContext>) | undefined {
  if (named.size === 0) return undefined;
  return named.get(name) ?? named.get(name.toLowerCase()) ?? named.get(familiarName(name));
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
