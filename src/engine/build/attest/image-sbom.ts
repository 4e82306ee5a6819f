import type { TarEntry } from "../../../base/tar/entry.ts";
import { cleanName } from "../../../base/tar/name.ts";
import { readTar } from "../../../base/tar/read-tar.ts";
import { GoInfoFinder, goPackages } from "../../../core/build/sbom/go-build-info.ts";
import { parseOsRelease, type SoftwarePackage } from "../../../core/build/sbom/package.ts";
import { readPackages, tellsOfPackages } from "../../../core/build/sbom/read-packages.ts";
import { rpmPackages } from "../../../core/build/sbom/rpm-packages.ts";
import { spdxDocument } from "../../../core/build/sbom/spdx.ts";
import type { BuildDeps } from "../deps.ts";
import type { BuiltImage } from "../outputs/built-image.ts";
import { SourceRoots } from "../source-roots.ts";
import { type InflateBudget, isJar, jarPackages } from "./jar-packages.ts";
import type { ScannedTree } from "./scanned-trees.ts";

export interface SbomFacts {
  readonly name: string;
  readonly createdAt: string;
  /** Files beside the image that are meant instead of it. */
  readonly beside?: ScannedTree | undefined;
}

/** A bill of what the image's own package records say is in it. */
export async function imageSbom(deps: BuildDeps, image: BuiltImage, { beside, ...facts }: SbomFacts): Promise<object> {
  const { packages, osRelease } = await recordsIn(deps, beside?.tree ?? { kind: "stage", layers: image.layers });
  return spdxDocument(packages, {
    ...facts,
    ...(beside && { part: beside.name }),
    imageDigest: image.id,
    createdAt: facts.createdAt.replace(/\.\d+Z$/, "Z"),
    distribution: parseOsRelease(osRelease),
  });
}

/** Larger ones are no package records. */
const maxFileBytes = 64 << 20;
const maxDatabaseBytes = 256 << 20;
const maxPackages = 100_000;
/** What archives may be inflated to, all of an image together. */
const maxInflatedBytes = 512 << 20;
/** No program of Go's is as small. */
const minGoBytes = 256 << 10;

async function recordsIn(
  deps: BuildDeps,
  tree: ScannedTree["tree"],
): Promise<{ packages: SoftwarePackage[]; osRelease: string }> {
  const packages: SoftwarePackage[] = [];
  const releases = new Map<string, string>();
  const budget = { bytes: maxInflatedBytes };
  const roots = new SourceRoots(deps);
  try {
    const root =
      tree.kind === "context"
        ? { path: await tree.files.path() }
        : roots.mount(tree.layers.map(({ chainId }) => chainId));
    for await (const { entry, body } of readTar(deps.archive.exportRoot(root))) {
      if (entry.type !== "file" || packages.length >= maxPackages) continue;
      const path = cleanName(entry.name).toString();
      const isRelease = path === "etc/os-release" || path === "usr/lib/os-release";
      if (isRelease && entry.sizeBytes <= maxFileBytes) releases.set(path, (await bytesOf(body)).toString());
      else for (const each of await packagesOf({ path, entry, body }, budget)) packages.push(each);
    }
  } finally {
    await roots.close();
  }
  return { packages, osRelease: releases.get("etc/os-release") ?? releases.get("usr/lib/os-release") ?? "" };
}

interface ImageFile {
  readonly path: string;
  readonly entry: Pick<TarEntry, "sizeBytes" | "mode">;
  readonly body: AsyncIterable<Uint8Array>;
}

async function packagesOf({ path, entry, body }: ImageFile, budget: InflateBudget): Promise<SoftwarePackage[]> {
  const { sizeBytes, mode } = entry;
  if (/^(var\/lib|usr\/lib\/sysimage|usr\/share)\/rpm\/rpmdb\.sqlite$/.test(path)) {
    return sizeBytes > maxDatabaseBytes ? [] : rpmPackages(path, await bytesOf(body));
  }
  if (tellsOfPackages(path))
    return sizeBytes > maxFileBytes ? [] : readPackages(path, (await bytesOf(body)).toString());
  if (isJar(path)) return sizeBytes > maxFileBytes ? [] : await jarPackages(path, await bytesOf(body), budget);
  return (mode & 0o111) !== 0 && sizeBytes >= minGoBytes ? await programPackages(path, body) : [];
}

/** Of a program that Go's linker made; others are passed over after their first bytes. */
async function programPackages(path: string, body: AsyncIterable<Uint8Array>): Promise<SoftwarePackage[]> {
  const finder = new GoInfoFinder();
  let isFirst = true;
  for await (const chunk of body) {
    if (isFirst && Buffer.compare(chunk.subarray(0, 4), Buffer.from("\x7fELF")) !== 0) return [];
    isFirst = false;
    const info = finder.push(chunk);
    if (info) return goPackages(path, info);
  }
  return [];
}

export async function bytesOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Buffer[] = [];
  // The parts are views of the stream's chunks.
  for await (const part of body) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}
