import { formatPlatform, type Platform } from "../../../base/platform.ts";
import { encodeEntry, endOfArchive } from "../../../base/tar/encode.ts";
import { tarEntry } from "../../../base/tar/entry.ts";
import { SourceRoots } from "../source-roots.ts";
import type { BuiltImage } from "./built-image.ts";
import type { Exporting } from "./export-outputs.ts";
import type { TreeOutput } from "./output.ts";

/** Sends the files of the result to the client, as a tar archive. */
export async function exportTree(parts: Exporting, output: TreeOutput): Promise<void> {
  const { deps, request, index } = parts;
  const roots = new SourceRoots(deps);
  try {
    const archive = treeArchive(parts, output, roots);
    await request.deliver({ index, kind: output.kind === "local" ? "tree" : "file", archive, facts: {} });
  } finally {
    await roots.close();
  }
}

async function* treeArchive(
  { deps, request, images }: Exporting,
  { split = images.length > 1 }: TreeOutput,
  roots: SourceRoots,
): AsyncGenerator<Uint8Array, void> {
  const modifiedNanos = request.epoch === undefined ? undefined : BigInt(request.epoch) * 1_000_000_000n;
  for (const image of images) {
    const prefix = split ? directoryOf(image.platform) : "";
    if (split) yield encodeEntry(tarEntry(`${prefix}/`, "directory", { modifiedNanos: timeOf(image) }));
    const root = roots.mount(image.layers.map(({ chainId }) => chainId));
    yield* deps.archive.exportRoot(root, { prefix, continues: true, modifiedNanos });
  }
  yield endOfArchive();
}

/** `linux_arm_v7`. */
const directoryOf = (platform: Platform): string => formatPlatform(platform).replaceAll("/", "_");

const timeOf = ({ config }: BuiltImage): bigint => BigInt(Date.parse(config.created ?? "") || 0) * 1_000_000n;
