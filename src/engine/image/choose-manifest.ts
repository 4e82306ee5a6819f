import { isDigest } from "../../base/digest.ts";
import { IsleError, invalid, notFound, unsupported } from "../../base/error.ts";
import { formatPlatform, type Platform, platformMatches } from "../../base/platform.ts";
import type { RegistryManifest, RegistryRepository } from "../../core/registry.ts";
import { type Descriptor, type Index, isIndexType, type Manifest } from "./manifest.ts";

export interface ChosenManifest {
  readonly manifest: Manifest;
  readonly source: RegistryManifest;
}

const maxNesting = 3;

/** The image manifest for a platform: `top` itself, or the entry of the index that fits best. */
export async function chooseManifest(
  repository: RegistryRepository,
  top: RegistryManifest,
  { platform, signal }: { platform: Platform; signal?: AbortSignal | undefined },
): Promise<ChosenManifest> {
  let source = top;
  for (let depth = 0; isIndexType(source.mediaType); depth++) {
    if (depth === maxNesting) throw invalid("the image's index nests too deep");
    const entry = bestEntry(JSON.parse(Buffer.from(source.bytes).toString()) as Index, platform);
    source = await repository.manifest(entry.digest, signal);
    if (source.bytes.length !== entry.size) {
      throw new IsleError(
        "dataLoss",
        `manifest ${entry.digest} has ${source.bytes.length} bytes, expected ${entry.size}`,
      );
    }
  }
  return { manifest: parseManifest(source), source };
}

/** The entry for a platform: one of exactly this variant before one of any, in the order of the index. */
export function bestEntry(index: Index, platform: Platform): Descriptor {
  const fitting = (index.manifests ?? []).filter(({ platform: have }) => have && platformMatches(platform, have));
  const rank = ({ platform: have }: Descriptor): number => {
    if (have?.variant === platform.variant) return 0;
    return have?.variant ? 2 : 1;
  };
  const best = fitting.sort((a, b) => rank(a) - rank(b))[0];
  if (!best) throw notFound(`no matching manifest for ${formatPlatform(platform)} in the manifest list entries`);
  checkDescriptor(best);
  return best;
}

const configTypes = [
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
  "application/octet-stream",
];

function parseManifest(source: RegistryManifest): Manifest {
  const manifest = JSON.parse(Buffer.from(source.bytes).toString()) as Manifest;
  checkDescriptor(manifest.config);
  for (const layer of manifest.layers) checkDescriptor(layer);
  if (!configTypes.includes(manifest.config.mediaType)) {
    throw unsupported(`unsupported media type ${manifest.config.mediaType}: this is not a container image`);
  }
  return manifest;
}

function checkDescriptor(descriptor: Partial<Descriptor> | undefined): void {
  const size = descriptor?.size;
  const sized = typeof size === "number" && Number.isSafeInteger(size) && size >= 0;
  if (sized && isDigest(String(descriptor?.digest)) && typeof descriptor?.mediaType === "string") return;
  throw invalid("the registry sent a manifest with a malformed descriptor");
}
