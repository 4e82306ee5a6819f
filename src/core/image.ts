import type { Digest } from "../base/digest.ts";
import type { ChainId } from "./snapshot.ts";

/**
 * An image: a config, the layers it names, and the names that point at it.
 *
 * The id is the digest of the config blob. Names (`docker.io/library/busybox:latest`) and registry digests
 * (`docker.io/library/busybox@sha256:…`) are separate rows; an image without a name is dangling. Blobs and layers
 * are held by the images whose records list them and by nothing else.
 */
export interface ImageRecord {
  readonly id: Digest;
  readonly config: ImageConfigFile;
  /** Bottom first. */
  readonly layers: readonly ImageLayer[];
  /** Manifest the image came with, when a registry or an OCI layout gave one. */
  readonly manifest: { readonly digest: Digest; readonly mediaType: string } | undefined;
  /** Sum of the unpacked layers. */
  readonly sizeBytes: number;
  /** RFC 3339: when this engine last tagged it. */
  readonly taggedAt: string;
  /** Image it was committed or built from. */
  readonly parent: Digest | undefined;
  /** What else goes by one of the image's names: images for other platforms, and what attests to them. By full name. */
  readonly indexes?: Readonly<Record<string, ImageIndex>>;
}

/** An OCI index that a build has made. Everything it names is held as long as the name points at the image. */
export interface ImageIndex {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly manifests: readonly IndexedManifest[];
}

export interface IndexedManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant?: string };
  /** Digest of the manifest that this one attests to. */
  readonly attestsTo?: Digest;
  /** Config and layers. */
  readonly blobs: readonly Digest[];
}

export interface ImageLayer {
  /** Stored blob; compressed or plain as `mediaType` says. */
  readonly blob: Digest;
  readonly mediaType: string;
  readonly blobBytes: number;
  readonly diffId: Digest;
  readonly chainId: ChainId;
  readonly sizeBytes: number;
}

/** The OCI image config file (application/vnd.oci.image.config.v1+json), with Docker's additions. */
export interface ImageConfigFile {
  architecture: string;
  os: string;
  variant?: string;
  created?: string;
  author?: string;
  comment?: string;
  docker_version?: string;
  config?: ImageRunConfig;
  rootfs: { type: "layers"; diff_ids: Digest[] };
  history?: ImageHistory[];
}

export interface ImageHistory {
  created?: string;
  created_by?: string;
  author?: string;
  comment?: string;
  empty_layer?: boolean;
}

export interface ImageRunConfig {
  User?: string;
  ExposedPorts?: Record<string, object> | null;
  Env?: string[] | null;
  Entrypoint?: string[] | null;
  Cmd?: string[] | null;
  Volumes?: Record<string, object> | null;
  WorkingDir?: string;
  Labels?: Record<string, string> | null;
  StopSignal?: string;
  Shell?: string[] | null;
  OnBuild?: string[] | null;
  Healthcheck?: ImageHealthcheck | null;
  ArgsEscaped?: boolean;
}

/** Durations in nanoseconds. */
export interface ImageHealthcheck {
  Test?: string[] | null;
  Interval?: number;
  Timeout?: number;
  StartPeriod?: number;
  StartInterval?: number;
  Retries?: number;
}

/** Images and their names in the database; each method is one transaction. */
export interface ImageRepository {
  get(id: Digest): ImageRecord | undefined;
  list(): ImageRecord[];
  /** Inserts or replaces the record, and points `names` at it. */
  put(image: ImageRecord, names: readonly string[]): void;
  /** Removes the record and every name of it. */
  remove(id: Digest): void;
  /** Full names (`docker.io/library/busybox:latest` or `…@sha256:…`) that point at the image. */
  namesOf(id: Digest): string[];
  /** Image that a full name points at. */
  resolveName(name: string): Digest | undefined;
  addName(name: string, id: Digest): void;
  removeName(name: string): void;
  /** Ids that begin with these hexadecimal digits. */
  findByPrefix(hexPrefix: string): Digest[];
}
