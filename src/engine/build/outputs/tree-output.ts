import { createHash } from "node:crypto";
import { invalid } from "../../../base/error.ts";
import { formatPlatform, type Platform } from "../../../base/platform.ts";
import { encodeEntry, endOfArchive, padding } from "../../../base/tar/encode.ts";
import { tarEntry } from "../../../base/tar/entry.ts";
import { readTar } from "../../../base/tar/read-tar.ts";
import type { TreeRoot } from "../../../core/archive.ts";
import { type Subject, statementOf } from "../attest/predicates.ts";
import type { BuildDeps } from "../deps.ts";
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
  { split = images.length > 1, attestationPrefix }: TreeOutput,
  roots: SourceRoots,
): AsyncGenerator<Uint8Array, void> {
  const modifiedNanos = request.epoch === undefined ? undefined : BigInt(request.epoch) * 1_000_000_000n;
  for (const image of images) {
    const prefix = split ? directoryOf(image.platform) : "";
    if (split) yield encodeEntry(tarEntry(`${prefix}/`, "directory", { modifiedNanos: timeOf(image) }));
    const root = roots.mount(image.layers.map(({ chainId }) => chainId));
    yield* deps.archive.exportRoot(root, { prefix, continues: true, modifiedNanos });
    const label = !split && images.length > 1 ? `.${directoryOf(image.platform)}` : "";
    const nameOf = (file: string): string => `${attestationPrefix}${file.replace(/(?=\.json$)/, label)}`;
    yield* attestationFiles(image, await subjectsIn(deps, image, root), { prefix, nameOf });
  }
  yield endOfArchive();
}

/** The files that a statement is about; none when there is no statement. */
async function subjectsIn({ archive }: BuildDeps, { predicates }: BuiltImage, root: TreeRoot): Promise<Subject[]> {
  const subjects: Subject[] = [];
  if (predicates.length === 0) return subjects;
  for await (const { entry, body } of readTar(archive.exportRoot(root))) {
    if (entry.type !== "file") continue;
    const hash = createHash("sha256");
    for await (const chunk of body) hash.update(chunk);
    subjects.push({ name: Buffer.from(entry.name).toString(), digest: { sha256: hash.digest("hex") } });
  }
  return subjects;
}

function* attestationFiles(
  image: BuiltImage,
  subjects: readonly Subject[],
  { prefix, nameOf }: { readonly prefix: string; nameOf(file: string): string },
): Generator<Uint8Array, void> {
  const taken = new Set(subjects.map(({ name }) => name));
  for (const predicate of image.predicates) {
    const name = nameOf(predicate.file);
    if (taken.has(name)) {
      throw invalid(`the result has a file ${name} of its own`, { hint: "set attestation-prefix" });
    }
    const bytes = Buffer.from(JSON.stringify(statementOf(predicate, subjects), undefined, 2));
    yield encodeEntry(
      tarEntry(prefix ? `${prefix}/${name}` : name, "file", { sizeBytes: bytes.length, modifiedNanos: timeOf(image) }),
    );
    yield bytes;
    yield padding(bytes.length);
  }
}

/** `linux_arm_v7`. */
const directoryOf = (platform: Platform): string => formatPlatform(platform).replaceAll("/", "_");

const timeOf = ({ config }: BuiltImage): bigint => BigInt(Date.parse(config.created ?? "") || 0) * 1_000_000n;
