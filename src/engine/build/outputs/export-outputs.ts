import type { ImageRecord } from "../../../core/image.ts";
import { attestedFor } from "../attest/predicates.ts";
import type { BuildDeps } from "../deps.ts";
import type { BuildRequest } from "../request.ts";
import { shownStep } from "../shown-step.ts";
import { exportArchive } from "./archive-output.ts";
import type { BuiltImage } from "./built-image.ts";
import { exportImage } from "./image-output.ts";
import type { BuildOutput } from "./output.ts";
import { exportTree } from "./tree-output.ts";

/** One output under way. */
export interface Exporting {
  readonly deps: BuildDeps;
  readonly request: BuildRequest;
  /** One for each platform. */
  readonly images: readonly BuiltImage[];
  /** Place of the output in the request. */
  readonly index: number;
}

/** What an output tells its client, by BuildKit's names for it. */
export type ExportFacts = Readonly<Record<string, string>>;

export interface Exported {
  readonly facts: ExportFacts;
  /** The image in the engine's store, of the first output that put one there. */
  readonly image: ImageRecord | undefined;
}

/** Carries the outputs out, one after the other. Run it inside `additionsTo(images).run`. */
export async function exportOutputs(parts: Omit<Exporting, "index">, firstStep: number): Promise<Exported> {
  let exported: Exported = { facts: {}, image: undefined };
  for (const [index, output] of parts.request.outputs.entries()) {
    parts.request.signal.throwIfAborted();
    const name = nameOf(output);
    const work = () => exportOne({ ...parts, index }, output);
    const { facts, image } = name
      ? await shownStep(parts.request, { number: firstStep + index, name }, work)
      : await work();
    exported = { facts: { ...facts, ...exported.facts }, image: exported.image ?? image };
  }
  return exported;
}

/** An image in the store alone is told of by an event of its own. */
function nameOf(output: BuildOutput): string | undefined {
  if (output.kind === "cacheonly" || (output.kind === "image" && !output.push)) return undefined;
  return {
    local: "exporting to client directory",
    tar: "exporting to client tarball",
    oci: "exporting to oci image format",
    docker: "exporting to docker image format",
    image: "exporting and pushing the image",
  }[output.kind];
}

async function exportOne(all: Exporting, output: BuildOutput): Promise<Exported> {
  const parts = { ...all, images: attestedFor(all.images, output) };
  switch (output.kind) {
    case "image":
      return await exportImage(parts, output);
    case "oci":
    case "docker":
      return { facts: await exportArchive(parts, output), image: undefined };
    case "local":
    case "tar":
      await exportTree(parts, output);
      return { facts: {}, image: undefined };
    case "cacheonly":
      return { facts: {}, image: undefined };
  }
}
