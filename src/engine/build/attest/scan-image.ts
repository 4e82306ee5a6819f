import { invalid, isCode, messageOf } from "../../../base/error.ts";
import { hostPlatform } from "../../../base/platform.ts";
import { cleanName } from "../../../base/tar/name.ts";
import { readTar } from "../../../base/tar/read-tar.ts";
import type { ImageRunConfig } from "../../../core/image.ts";
import type { StageResult } from "../build.ts";
import { ImportedCache } from "../cache/imported-cache.ts";
import type { BuildDeps } from "../deps.ts";
import type { BuiltImage } from "../outputs/built-image.ts";
import { plansFor } from "../platform-plan.ts";
import type { BuildEvent, BuildRequest, BuildStep, NamedContext } from "../request.ts";
import { runStages } from "../run-stages.ts";
import { shownStep } from "../shown-step.ts";
import { SourceRoots } from "../source-roots.ts";
import type { SbomGenerator } from "./attest-words.ts";
import { bytesOf } from "./image-sbom.ts";
import type { Predicate } from "./predicates.ts";
import type { ScannedTree } from "./scanned-trees.ts";

interface Scan {
  readonly request: BuildRequest;
  readonly generator: SbomGenerator;
  /** Of the step that is shown. */
  readonly number: number;
}

const names = { generator: "isle-generator", scanned: "isle-scanned" };
const source = "/run/src/core/sbom";
const extraSources = "/run/src/extras";
const destination = "/run/out";

/**
 * Has an image of the user's choice look an image over, as BuildKit's generators do: it sees the files below a directory, read-only
 * and without a network, and writes what it finds into another. It runs as any step does, and its result is cached like one.
 */
export async function scanImage(deps: BuildDeps, scan: Scan, image: BuiltImage): Promise<Predicate[]> {
  const { request, generator, number } = scan;
  const name = `generating sbom using ${generator.image}`;
  return await shownStep(request, { number, name }, async () => {
    const step = { number, name, written: name };
    const found = await runGenerator(deps, { ...scan, step }, `FROM ${names.generator}\n`, image);
    const extras = image.scanned.map((each) => each.name);
    const text = scanDockerfile(generator, found.config.config ?? {}, extras);
    const { layers } = await runGenerator(deps, { ...scan, step }, text, image);
    return await predicatesIn(deps, generator, layers);
  });
}

/** Nothing of a stranger's stands in it unquoted. */
export function scanDockerfile(
  { image, settings }: SbomGenerator,
  { Entrypoint, Cmd }: ImageRunConfig,
  extras: readonly string[],
): string {
  const words = [...(Entrypoint ?? []), ...(Cmd ?? [])];
  if (words.length === 0) throw invalid(`the SBOM generator ${image} has neither an entrypoint nor a command`);
  const variables = {
    BUILDKIT_SCAN_SOURCE: source,
    BUILDKIT_SCAN_DESTINATION: `${destination}/`,
    ...(extras.length > 0 && { BUILDKIT_SCAN_SOURCE_EXTRAS: `${extraSources}/` }),
    ...Object.fromEntries(Object.entries(settings).map(([name, value]) => [`BUILDKIT_SCAN_${name}`, value])),
  };
  const mounts = [
    `--mount=from=${names.scanned},target=${source}`,
    ...extras.map((name) => `--mount=from=${names.scanned}-${name},target=${extraSources}/${name}`),
  ];
  return [
    `FROM ${names.generator}`,
    ...Object.entries(variables).map(([name, value]) => `ENV ${name}="${value.replace(/[\\"$]/g, "\\$&")}"`),
    `COPY <<"END" ${destination}/.keep`,
    "END",
    `RUN --network=none ${mounts.join(" ")} --mount=type=tmpfs,target=/tmp ${JSON.stringify(words)}`,
    "",
  ].join("\n");
}

async function runGenerator(
  deps: BuildDeps,
  { request, generator, step }: Scan & { readonly step: BuildStep },
  text: string,
  image: BuiltImage,
): Promise<StageResult> {
  const platform = hostPlatform();
  const { Privileged: _, ...host } = request.host;
  const tell = (event: BuildEvent): void => {
    if (event.kind === "output" || event.kind === "warning") {
      request.onEvent(event.kind === "output" ? { ...event, step } : event);
    }
  };
  const inner: BuildRequest = {
    ...request,
    ...{ dockerfile: { name: "generator", text }, context: undefined, contextExcludes: [], ignored: [], target: "" },
    ...{ args: new Map(), labels: {}, outputs: [], cacheFrom: [], cacheTo: [], platforms: [platform] },
    attest: { sbom: undefined, provenance: undefined },
    named: new Map<string, () => Promise<NamedContext>>([
      [names.generator, async () => ({ kind: "image", name: generator.image })],
      [names.scanned, async () => ({ kind: "result", result: image })],
      ...image.scanned.map(
        ({ name, tree }) => [`${names.scanned}-${name}`, async () => contextOf(image, tree)] as const,
      ),
    ]),
    ...{ host, secret: async () => undefined, sshAgent: async () => undefined, onEvent: tell },
  };
  const plans = plansFor(inner, [platform], step.number);
  const [result] = await runStages({ deps, request: inner, imported: new ImportedCache(deps, []) }, plans);
  return result!.target;
}

const contextOf = (image: BuiltImage, tree: ScannedTree["tree"]): NamedContext =>
  tree.kind === "context"
    ? { kind: "files", files: tree.files }
    : { kind: "result", result: { ...image, layers: tree.layers } };

const maxFiles = 100;
const maxFileBytes = 64 << 20;
const types = ["https://spdx.dev/Document", "https://cyclonedx.org/bom"];

/** The documents that a generator has written: statements of in-toto, whose subject is the image anyway, or bare SPDX. */
async function predicatesIn(
  deps: BuildDeps,
  { image }: SbomGenerator,
  layers: StageResult["layers"],
): Promise<Predicate[]> {
  const found = new Map<string, Predicate>();
  const roots = new SourceRoots(deps);
  try {
    const root = roots.mount(layers.map(({ chainId }) => chainId));
    const { tar } = await deps.archive.read(root, `${destination}/.`);
    for await (const { entry, body } of readTar(tar)) {
      const file = cleanName(entry.name).toString();
      if (entry.type !== "file" || !/^[\w.-]+\.spdx\.json$/.test(file)) continue;
      if (found.size >= maxFiles || entry.sizeBytes > maxFileBytes) {
        throw invalid(`the SBOM generator ${image} wrote more than ${maxFiles} files, or one of more than 64 MB`);
      }
      found.set(file, predicateOf(await bytesOf(body), file, image));
    }
  } catch (error) {
    if (!isCode(error, "notFound")) throw error;
  } finally {
    await roots.close();
  }
  if (found.size === 0) throw invalid(`the SBOM generator ${image} wrote no *.spdx.json into ${destination}`);
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, predicate]) => predicate);
}

function predicateOf(bytes: Buffer, file: string, image: string): Predicate {
  let document: Readonly<Record<string, unknown>> | null;
  try {
    document = JSON.parse(bytes.toString());
  } catch (error) {
    throw invalid(`the SBOM generator ${image} wrote ${file}, which is no JSON: ${messageOf(error)}`);
  }
  const { predicateType, predicate, spdxVersion } = document ?? {};
  if (typeof predicate === "object" && predicate !== null && types.includes(String(predicateType))) {
    return { type: String(predicateType), content: predicate, file, inlineOnly: false };
  }
  if (document && typeof spdxVersion === "string")
    return { type: types[0]!, content: document, file, inlineOnly: false };
  throw invalid(`the SBOM generator ${image} wrote ${file}, which is neither SPDX nor a statement of in-toto`);
}
