import { IsleError } from "../../base/error.ts";
import { newId } from "../../base/id.ts";
import { digestSelection } from "../../core/build/context-manifest.ts";
import type { ImageLayer } from "../../core/image.ts";
import { type Build, cacheKey } from "./build.ts";
import { layerOfRoot, stepLayer } from "./new-layer.ts";
import type { BuildFiles } from "./request.ts";

const everything = { sources: ["/"], excludes: [], target: "/", into: true, parents: false };

/** A context as the only layer of a base. */
export async function layerOfFiles(build: Build, name: string, files: BuildFiles): Promise<ImageLayer> {
  const { deps, request } = build;
  const digest = digestSelection(files.manifest, everything);
  if (digest === undefined) throw new IsleError("invalid", `the files of ${name} cannot be told by their names`);
  const place = {
    key: cacheKey("files", digest, request.epoch),
    description: `FROM ${name}`,
    parent: undefined,
    ignoresCache: request.uncached === "all",
  };
  const made = await stepLayer({ build, layers: [] }, place, async () => {
    const id = newId();
    deps.snapshots.prepare(id, []);
    try {
      const root = { path: deps.snapshots.mount(id) };
      await deps.archive.write(root, "/", deps.archive.packCopy({ path: await files.path() }, everything));
      return await layerOfRoot(deps, id, { below: [], epoch: request.epoch });
    } finally {
      await deps.snapshots.removeRoot(id);
    }
  });
  return made.layer;
}
