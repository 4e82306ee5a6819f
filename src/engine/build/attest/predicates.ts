import { newId } from "../../../base/id.ts";
import { formatPlatform } from "../../../base/platform.ts";
import { familiarReference, parseReference } from "../../../base/reference.ts";
import { now } from "../../../base/time.ts";
import type { BuildDeps } from "../deps.ts";
import type { BuiltImage } from "../outputs/built-image.ts";
import type { BuildOutput } from "../outputs/output.ts";
import type { BuildRequest } from "../request.ts";
import { imageSbom, type SbomFacts } from "./image-sbom.ts";
import { imageUrl, predicateTypes, provenance } from "./provenance.ts";
import { scanImage } from "./scan-image.ts";

/** What attests to an image, still without its subject. */
export interface Predicate {
  readonly type: string;
  readonly content: object;
  /** Its name among the files of a `local` or `tar` output. */
  readonly file: string;
  /** Only for manifests that carry it along. */
  readonly inlineOnly: boolean;
}

export interface Subject {
  readonly name: string;
  readonly digest: Readonly<Record<string, string>>;
}

interface Attesting {
  readonly request: BuildRequest;
  readonly startedOn: string;
  /** Number of the first generator's run, where there is one. */
  readonly firstStep: number;
}

/** The images with what is to attest to them. */
export async function attested(
  deps: BuildDeps,
  { request, startedOn, firstStep }: Attesting,
  images: readonly BuiltImage[],
): Promise<BuiltImage[]> {
  const { sbom, provenance: wish } = request.attest;
  if (!sbom && !isWanted(request)) return [...images];
  const fixed = request.epoch === undefined ? undefined : new Date(request.epoch * 1000).toISOString();
  const finishedOn = fixed ?? now();
  const times = { invocationId: fixed ? "" : newId(), startedOn: fixed ?? startedOn, finishedOn };
  const name = nameOf(request.outputs);
  const told: BuiltImage[] = [];
  for (const [index, image] of images.entries()) {
    const predicates: Predicate[] = [];
    if (sbom?.generator) {
      const scan = { request, generator: sbom.generator, number: firstStep + index };
      predicates.push(...(await scanImage(deps, scan, image)));
    } else if (sbom) {
      predicates.push(...(await bills(deps, image, { name, createdAt: finishedOn })));
    }
    if (wish) {
      const content = provenance({ wish, request, image, times });
      const { inlineOnly, version } = wish;
      predicates.push({ type: predicateTypes[version], content, file: "provenance.json", inlineOnly });
    }
    told.push({ ...image, predicates });
  }
  return told;
}

/** Of the image, and of what else is to be looked into. */
async function bills(deps: BuildDeps, image: BuiltImage, facts: SbomFacts): Promise<Predicate[]> {
  const told: Predicate[] = [];
  for (const beside of [undefined, ...image.scanned]) {
    const name = beside?.name ?? facts.name;
    const content = await imageSbom(deps, image, { ...facts, name, beside });
    const file = `${beside?.name ?? "sbom"}.spdx.json`;
    told.push({ type: "https://spdx.dev/Document", content, file, inlineOnly: false });
  }
  return told;
}

/** Provenance that only manifests carry is made only where one does. */
const isWanted = ({ attest: { provenance: wish }, outputs }: BuildRequest): boolean =>
  wish !== undefined && (!wish.inlineOnly || outputs.some(carriesAlong));

const carriesAlong = (output: BuildOutput): boolean =>
  output.kind === "oci" || (output.kind === "image" && output.push);

/** The images with what attests to them in one output. */
export const attestedFor = (images: readonly BuiltImage[], output: BuildOutput): BuiltImage[] =>
  images.map((image) => ({
    ...image,
    predicates: image.predicates.filter(({ inlineOnly }) => !inlineOnly || carriesAlong(output)),
  }));

function nameOf(outputs: readonly BuildOutput[]): string {
  const [name] = outputs.flatMap((output) => ("names" in output ? output.names : []));
  return name === undefined ? "image" : familiarReference(parseReference(name));
}

/** An in-toto statement: the predicate, and what it is about. */
export const statementOf = ({ type, content }: Predicate, subject: readonly Subject[]): object => ({
  _type: "https://in-toto.io/Statement/v0.1",
  predicateType: type,
  subject,
  predicate: content,
});

/** An image by its names, which stand for its manifest. */
export function imageSubjects(image: BuiltImage, names: readonly string[], manifest: string): Subject[] {
  const digest = { sha256: manifest.replace(/^sha256:/, "") };
  const platform = formatPlatform(image.platform);
  if (names.length === 0) return [{ name: "_", digest }];
  return names.map((name) => ({ name: imageUrl(name, platform), digest }));
}
