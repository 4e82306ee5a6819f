import { cleanName } from "../../../base/tar/name.ts";
import { readTar } from "../../../base/tar/read-tar.ts";
import { parseOsRelease, type SoftwarePackage } from "../../../core/build/sbom/package.ts";
import { packageFileKind, readPackages } from "../../../core/build/sbom/read-packages.ts";
import { spdxDocument } from "../../../core/build/sbom/spdx.ts";
import type { BuildDeps } from "../deps.ts";
import type { BuiltImage } from "../outputs/built-image.ts";
import { SourceRoots } from "../source-roots.ts";

export interface SbomFacts {
  readonly name: string;
  readonly createdAt: string;
}

/** A bill of what the image's own package records say is in it. */
export async function imageSbom(deps: BuildDeps, image: BuiltImage, facts: SbomFacts): Promise<object> {
  const { packages, osRelease } = await recordsIn(deps, image);
  return spdxDocument(packages, {
    ...facts,
    imageDigest: image.id,
    createdAt: facts.createdAt.replace(/\.\d+Z$/, "Z"),
    distribution: parseOsRelease(osRelease),
  });
}

/** Larger ones are no package records. */
const maxFileBytes = 64 << 20;
const maxPackages = 100_000;

async function recordsIn(
  deps: BuildDeps,
  { layers }: BuiltImage,
): Promise<{ packages: SoftwarePackage[]; osRelease: string }> {
  const packages: SoftwarePackage[] = [];
  const releases = new Map<string, string>();
  const roots = new SourceRoots(deps);
  try {
    const root = roots.mount(layers.map(({ chainId }) => chainId));
    for await (const { entry, body } of readTar(deps.archive.exportRoot(root))) {
      const path = cleanName(entry.name).toString();
      const isRelease = path === "etc/os-release" || path === "usr/lib/os-release";
      if (entry.type !== "file" || entry.sizeBytes > maxFileBytes) continue;
      if (!isRelease && packageFileKind(path) === undefined) continue;
      const text = await textOf(body);
      if (isRelease) releases.set(path, text);
      else if (packages.length < maxPackages) packages.push(...readPackages(path, text));
    }
  } finally {
    await roots.close();
  }
  return { packages, osRelease: releases.get("etc/os-release") ?? releases.get("usr/lib/os-release") ?? "" };
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Buffer[] = [];
  // The parts are views of the stream's chunks.
  for await (const part of body) parts.push(Buffer.from(part));
  return Buffer.concat(parts).toString();
}
