import { unsupported } from "../../../base/error.ts";
import { type ArchiveBlob, dockerEntry, namedDescriptors, writeImageArchive } from "../../image/image-archive.ts";
import type { ExportFacts, Exporting } from "./export-outputs.ts";
import { factsOf } from "./image-facts.ts";
import { type ManifestSet, manifestsOf } from "./manifests.ts";
import type { ArchiveOutput } from "./output.ts";

/** Sends the image to the client, as an OCI layout or a docker-archive. */
export async function exportArchive(parts: Exporting, output: ArchiveOutput): Promise<ExportFacts> {
  const { deps, request, index } = parts;
  const set = await manifestsOf(parts, output);
  if (output.kind === "docker" && set.index) {
    throw unsupported("docker exporter does not currently support exporting manifest lists", {
      hint: "use the output oci",
    });
  }
  const facts = factsOf(set, output.names);
  const layout = {
    blobs: blobsOf(set),
    index: namedDescriptors(set.top, output.names),
    dockerEntries: output.kind === "docker" ? dockerEntries(set, output.names) : undefined,
  };
  const archive = writeImageArchive(deps.content, layout);
  await request.deliver({ index, kind: output.asFiles ? "layout" : "file", archive, facts, blobs: layout.blobs });
  return facts;
}

const blobsOf = ({ images, documents }: ManifestSet): ArchiveBlob[] => [
  ...images.flatMap(({ layers }) => layers.map(({ blob }) => ({ digest: blob }))),
  ...documents,
];

const dockerEntries = ({ images }: ManifestSet, names: readonly string[]) =>
  images.map(({ image, layers }) => dockerEntry(image.id, layers, names));
