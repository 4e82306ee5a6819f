import type { Readable } from "node:stream";
import type { Digest } from "../base/digest.ts";

/**
 * Access to OCI distribution registries, with authentication, retries, mirrors and TLS behind it.
 *
 * Bytes are never trusted: a manifest is verified against the digest it was asked for by, a blob is verified by the
 * content store that takes it. No error text carries a credential.
 */
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
  /**
   * By tag or digest. Fails with notFound, unauthorized, forbidden, unavailable; with dataLoss when the bytes do not
   * match the digest; with unsupported for schema 1; with invalid when larger than 4 MiB.
   */
  manifest(reference: string, signal?: AbortSignal): Promise<RegistryManifest>;
  /** Streams a blob from `offset`, retrying nothing: the caller resumes. Verification is the content store's. */
  blob(digest: Digest, offset?: number, signal?: AbortSignal): Promise<Readable>;
  hasBlob(digest: Digest, signal?: AbortSignal): Promise<boolean>;
  /** Every tag of the repository, as the registry orders them. */
  tags(signal?: AbortSignal): Promise<string[]>;
  /** Asks the registry to mount the blob from another of its repositories; true when it did. */
  mountBlob(digest: Digest, fromPath: string, signal?: AbortSignal): Promise<boolean>;
  pushBlob(blob: OutgoingBlob, signal?: AbortSignal): Promise<void>;
  pushManifest(reference: string, manifest: RegistryManifest, signal?: AbortSignal): Promise<void>;
}

export interface OutgoingBlob {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** Called once for each attempt. */
  readonly open: () => Readable;
}

export interface RegistryManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}
