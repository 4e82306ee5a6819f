import type { HostConfig } from "../../api/generated/engine-api.ts";
import type { Digest } from "../../base/digest.ts";
import type { Platform } from "../../base/platform.ts";
import type { LintWarning } from "../../core/build/lint/findings.ts";
import type { Source } from "../../core/build/source.ts";
import type { ImageConfigFile, ImageLayer } from "../../core/image.ts";
import type { Credentials } from "../../core/registry.ts";
import type { ArchiveBlob } from "../image/image-archive.ts";
import type { AttestWishes } from "./attest/attest-words.ts";
import type { Material } from "./attest/provenance.ts";
import type { CacheSource, CacheTarget } from "./cache/cache-words.ts";
import type { CacheImage } from "./cache/export-cache.ts";
import type { BuildContext } from "./context.ts";
import type { HostKeys } from "./host-keys.ts";
import type { ExportFacts } from "./outputs/export-outputs.ts";
import type { BuildOutput } from "./outputs/output.ts";

export type BuildFiles = Pick<BuildContext, "manifest" | "path" | "origin">;

/** What stands for a name instead of a stage or an image of that name. */
export type NamedContext =
  | { readonly kind: "image"; readonly name: string }
  | { readonly kind: "files"; readonly files: BuildFiles }
  | { readonly kind: "result"; readonly result: LinkedResult };

/** What another build has made, for one platform. */
export interface LinkedResult {
  readonly config: ImageConfigFile;
  readonly layers: readonly ImageLayer[];
  readonly materials: readonly Material[];
}

/** By the name alone, or by `NAME::PLATFORM` for that platform only. */
export type NamedContexts = ReadonlyMap<string, () => Promise<NamedContext>>;

/** A socket of this machine behind which a client's agent answers, until it is closed. */
export interface SshAgent {
  readonly path: string;
  close(): Promise<void>;
}

export interface BuildRequest {
  readonly dockerfile: Source;
  /** The build's files; undefined for a build without. */
  readonly context: BuildFiles | undefined;
  /** Files of the context that came for the build itself and that no COPY takes. */
  readonly contextExcludes: readonly string[];
  /** More sources of files by the names that FROM, COPY and RUN give them; each is opened when it is first asked for. */
  readonly named: NamedContexts;
  /** Patterns of the .dockerignore, for the linter. */
  readonly ignored: readonly string[];
  /** The Dockerfile was looked over, and findings told, before the context came. */
  readonly isChecked?: boolean;
  /** Name or number of the stage to build; the last when empty. */
  readonly target: string;
  /** Undefined values are variables the client named and does not have. */
  readonly args: ReadonlyMap<string, string | undefined>;
  readonly labels: Readonly<Record<string, string>>;
  readonly outputs: readonly BuildOutput[];
  /** Caches of other engines, the first that knows a step before the others. */
  readonly cacheFrom: readonly CacheSource[];
  readonly cacheTo: readonly CacheTarget[];
  readonly attest: AttestWishes;
  /** Caches that lie with the client. */
  readonly clientCache: ClientCache;
  /** Hands an output to the client; settles when the client has all of it. */
  readonly deliver: (delivery: Delivery) => Promise<void>;
  /** One image for each; this machine's when there are none. */
  readonly platforms: readonly Platform[];
  /** Stages, by name, whose steps are run again; `all` for every one. */
  readonly uncached: "all" | ReadonlySet<string>;
  readonly pull: boolean;
  /** Limits, isolation and network of the steps. */
  readonly host: HostConfig;
  readonly credentialsFor: (domain: string) => Promise<Credentials | undefined>;
  /** A secret the client offers by id; undefined when it does not. */
  readonly secret: (id: string) => Promise<Uint8Array | undefined>;
  /** An SSH agent that the client forwards by id; undefined when it does not. */
  readonly sshAgent: (id: string) => Promise<SshAgent | undefined>;
  /** Keys of the hosts that repositories come from over ssh. */
  readonly hostKeys: HostKeys;
  /** Seconds since 1970 for all times of the image, so that the same input gives the same image. */
  readonly epoch: number | undefined;
  readonly onEvent: (event: BuildEvent) => void;
  readonly signal: AbortSignal;
}

/** Caches of the client's, by the name it gave them. */
export interface ClientCache {
  open(name: string, digest: Digest): AsyncIterable<Uint8Array>;
  write(name: string, cache: CacheImage, tag: string): Promise<void>;
}

/** What goes to the client for one of the outputs. */
export interface Delivery {
  /** Place of the output in the request. */
  readonly index: number;
  /** The files of a tree, a file of the client's, or the files of an OCI layout. */
  readonly kind: "tree" | "file" | "layout";
  /** A tar archive, either way. */
  readonly archive: AsyncIterable<Uint8Array>;
  readonly facts: ExportFacts;
  /** Of a layout: what clients that keep one themselves want instead of the archive. */
  readonly blobs?: readonly ArchiveBlob[];
}

/** One instruction of the target's stages, in the order in which they are shown. */
export interface BuildStep {
  /** From 1 on, over all stages. */
  readonly number: number;
  /** Such as `[build 2/5] RUN make`. */
  readonly name: string;
  readonly written: string;
}

export type BuildEvent =
  | { readonly kind: "plan"; readonly steps: readonly BuildStep[] }
  | { readonly kind: "start"; readonly step: BuildStep }
  | {
      readonly kind: "output";
      readonly step: BuildStep;
      readonly stream: "stdout" | "stderr";
      readonly data: Uint8Array;
    }
  | { readonly kind: "end"; readonly step: BuildStep; readonly cached: boolean }
  | { readonly kind: "failed"; readonly step: BuildStep; readonly message: string }
  | { readonly kind: "warning"; readonly message: string }
  /** A part of the build that is no step, by its name. */
  | { readonly kind: "part"; readonly name: string; readonly state: "start" | "end" }
  | { readonly kind: "part"; readonly name: string; readonly state: "failed"; readonly message: string }
  /** What the linter found in the Dockerfile. */
  | { readonly kind: "lint"; readonly warning: LintWarning; readonly source: Source }
  | { readonly kind: "image"; readonly id: string; readonly names: readonly string[] };
