import type { Readable } from "node:stream";
import type { Digest } from "../base/digest.ts";

/** Access to one repository of an OCI distribution registry, with authentication, retries and mirrors behind it. */
export interface RegistryClient {
  /** Opens a repository such as `docker.io` + `library/busybox`. No request is made yet. */
  repository(domain: string, path: string, credentials?: Credentials): RegistryRepository;
  /** Checks credentials as `login` does; returns the registry's identity token where it gives one. */
  login(domain: string, credentials: Credentials, signal?: AbortSignal): Promise<{ identityToken?: string }>;
}

export interface Credentials {
  readonly username?: string;
  readonly password?: string;
  readonly identityToken?: string;
  readonly registryToken?: string;
}

export interface RegistryRepository {
  /** By tag or digest. Fails with notFound, unauthorized, unavailable; schema 1 with unsupported. */
  manifest(reference: string, signal?: AbortSignal): Promise<RegistryManifest>;
  /** Streams a blob from `offset`, retrying nothing: the caller resumes. Verification is the content store's. */
  blob(digest: Digest, offset?: number, signal?: AbortSignal): Promise<Readable>;
  hasBlob(digest: Digest, signal?: AbortSignal): Promise<boolean>;
  /** True when the registry could mount the blob from another of its repositories. */
  mountBlob(digest: Digest, fromPath: string, signal?: AbortSignal): Promise<boolean>;
  pushBlob(blob: { digest: Digest; sizeBytes: number; open: () => Readable }, signal?: AbortSignal): Promise<void>;
  pushManifest(reference: string, manifest: RegistryManifest, signal?: AbortSignal): Promise<void>;
}

export interface RegistryManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}
