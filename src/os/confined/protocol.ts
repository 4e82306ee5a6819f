import type { ErrorCode } from "../../base/error.ts";

/** A tree to work in, with mounts seen by the child alone; see core/archive.ts. */
export interface ConfinedRoot {
  readonly path: string;
  readonly mounts?: ReadonlyArray<{ readonly source: string; readonly target: string; readonly readonly?: boolean }>;
}

/**
 * What the confined child is asked to do, a line of JSON on descriptor 3. Archives come on descriptor 0 and go out on 1, framed as
 * base/framed-streams.ts says.
 */
export type ConfinedRequest =
  | { readonly op: "unpackLayer"; readonly blob: string; readonly target: string }
  | {
      readonly op: "extract";
      readonly root: ConfinedRoot;
      readonly path: string;
      readonly keepKind?: boolean;
      readonly keepDirectories?: boolean;
      readonly owner?: { readonly uid: number; readonly gid: number };
      readonly parentOwner?: { readonly uid: number; readonly gid: number };
      readonly parentMode?: number;
    }
  | { readonly op: "pack"; readonly root: ConfinedRoot; readonly path: string }
  /** A directory's content led by the directory itself; `ready` says whether the path is a directory. */
  | { readonly op: "packContent"; readonly root: ConfinedRoot; readonly path: string }
  /** Unpacks what `packContent` wrote, the top directory's owner, mode and times included. */
  | { readonly op: "unpackTree"; readonly target: string }
  | { readonly op: "packRoot"; readonly root: ConfinedRoot; readonly options: ExportRequest }
  | { readonly op: "packUpper"; readonly upper: string; readonly latestNanos?: string }
  | { readonly op: "packCopy"; readonly root: ConfinedRoot; readonly copy: CopyRequest }
  | { readonly op: "digestCopy"; readonly root: ConfinedRoot; readonly copy: CopyRequest }
  | { readonly op: "stat"; readonly root: ConfinedRoot; readonly path: string }
  | { readonly op: "readFile"; readonly root: ConfinedRoot; readonly path: string; readonly maxBytes: number }
  | { readonly op: "usage"; readonly target: string }
  /** Paths relative to `base`; lowers uppermost first. */
  | { readonly op: "changes"; readonly base: string; readonly upper: string; readonly lowers: readonly string[] };

/** Mounts stay with the process that made them: it does nothing else afterwards. */
export const isLastRequest = (request: ConfinedRequest): boolean =>
  "root" in request && (request.root.mounts ?? []).length > 0;

/** How a root is packed; see core/archive.ts. */
export interface ExportRequest {
  readonly prefix: string;
  readonly continues: boolean;
  readonly modifiedNanos?: string;
}

/** What a COPY of a Dockerfile takes and how; see core/archive.ts. */
export interface CopyRequest {
  readonly sources: readonly string[];
  readonly excludes: readonly string[];
  readonly target: string;
  readonly into: boolean;
  readonly parents: boolean;
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly mode?: string;
}

export interface UnpackResult {
  /** Digest of the uncompressed stream. */
  readonly diffId: string;
  readonly sizeBytes: number;
  readonly inodes: number;
}

export interface StatResult {
  readonly name: string;
  readonly sizeBytes: number;
  readonly mode: number;
  readonly modifiedNanos: string;
  readonly linkTarget: string;
}

/** Lines on descriptor 3, too. `ready` comes before the archive on 1; `done` or `failed` is last. */
export type ConfinedReport =
  | { readonly progress: number }
  | { readonly ready: unknown }
  | { readonly done: unknown }
  | { readonly failed: { readonly code: ErrorCode; readonly message: string } };
