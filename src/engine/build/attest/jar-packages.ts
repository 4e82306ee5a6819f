import { promisify } from "node:util";
import { inflateRaw } from "node:zlib";
import { mavenPackage } from "../../../core/build/sbom/language-packages.ts";
import type { SoftwarePackage } from "../../../core/build/sbom/package.ts";
import { type ZipEntry, zipEntries } from "../../../core/build/sbom/zip-directory.ts";

/** What all archives of one image may still be inflated to: small archives can hold huge files. */
export interface InflateBudget {
  bytes: number;
}

export const isJar = (path: string): boolean => /\.(jar|war|ear)$/.test(path);

const maxPropertiesBytes = 64 << 10;
const maxInnerBytes = 32 << 20;
/** Archives within archives: those of an application, and theirs. */
const maxDepth = 2;

/** The artifacts of Maven that a jar, and the jars in it, tell of. */
export async function jarPackages(
  path: string,
  archive: Buffer,
  budget: InflateBudget,
  depth = 0,
): Promise<SoftwarePackage[]> {
  const packages: SoftwarePackage[] = [];
  for (const entry of zipEntries(archive)) {
    if (/^META-INF\/maven\/.+\/pom\.properties$/.test(entry.name)) {
      const bytes = await contentOf(entry, maxPropertiesBytes, budget);
      if (bytes) packages.push(...mavenPackage(path, bytes.toString()));
    } else if (depth < maxDepth && isJar(entry.name)) {
      const inner = await contentOf(entry, maxInnerBytes, budget);
      if (inner) packages.push(...(await jarPackages(path, inner, budget, depth + 1)));
    }
  }
  return packages;
}

const inflated = promisify(inflateRaw) as (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

/** Undefined where it is larger than it may be, or broken. */
async function contentOf(entry: ZipEntry, most: number, budget: InflateBudget): Promise<Buffer | undefined> {
  // The directory may say less than what comes.
  const maxOutputLength = Math.min(most, budget.bytes);
  if (entry.sizeBytes > maxOutputLength || entry.bytes.length > maxOutputLength) return undefined;
  budget.bytes -= Math.max(entry.bytes.length, entry.sizeBytes);
  if (!entry.isDeflated) return entry.bytes;
  try {
    const bytes = await inflated(entry.bytes, { maxOutputLength });
    budget.bytes -= Math.max(0, bytes.length - entry.sizeBytes);
    return bytes;
  } catch {
    budget.bytes -= most;
    return undefined;
  }
}
