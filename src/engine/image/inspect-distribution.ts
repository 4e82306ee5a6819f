import type { Digest } from "../../base/digest.ts";
import type { Platform } from "../../base/platform.ts";
import { parseReference, withDefaultTag } from "../../base/reference.ts";
import type { ImageConfigFile } from "../../core/image.ts";
import type { Credentials, RegistryClient, RegistryRepository } from "../../core/registry.ts";
import { chooseManifest } from "./choose-manifest.ts";
import { type Index, isIndexType } from "./manifest.ts";

export interface DistributionInfo {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly platforms: readonly Platform[];
}

/** What a registry has under a name, without pulling it. */
export async function inspectDistribution(
  { registry }: { readonly registry: RegistryClient },
  request: { readonly name: string; readonly credentials?: Credentials | undefined; readonly signal?: AbortSignal },
): Promise<DistributionInfo> {
  const { domain, path, tag, digest } = withDefaultTag(parseReference(request.name));
  const repository = registry.repository(domain, path, request.credentials);
  const top = await repository.manifest(digest ?? tag!, request.signal);
  const platforms = isIndexType(top.mediaType)
    ? indexPlatforms(JSON.parse(Buffer.from(top.bytes).toString()) as Index)
    : [await configPlatform(repository, await chooseManifest(repository, top, { platform: anyPlatform }))];
  return { digest: top.digest, mediaType: top.mediaType, sizeBytes: top.bytes.length, platforms };
}

/** Not looked at: the manifest is no index. */
const anyPlatform: Platform = { os: "linux", architecture: "amd64" };

const indexPlatforms = ({ manifests = [] }: Index): Platform[] =>
  manifests.flatMap(({ platform }) => (platform ? [platform] : []));

const maxConfigBytes = 8 << 20;

async function configPlatform(
  repository: RegistryRepository,
  { manifest }: Awaited<ReturnType<typeof chooseManifest>>,
): Promise<Platform> {
  const body = await repository.blob(manifest.config.digest);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxConfigBytes) break;
    chunks.push(chunk);
  }
  const { os, architecture, variant } = JSON.parse(Buffer.concat(chunks).toString()) as ImageConfigFile;
  return { os, architecture, ...(variant && { variant }) };
}
