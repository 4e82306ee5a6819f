import type { Duplex } from "node:stream";
import { notFound } from "../../base/error.ts";
import { hostPlatform } from "../../base/platform.ts";
import type { BuildDeps } from "../../engine/build/deps.ts";
import type { ActiveBuild } from "./active-build.ts";
import type { HistoryBlobs } from "./history-blobs.ts";
import type { LinkedResults } from "./linked-results.ts";
import type { SessionName, Sessions } from "./sessions.ts";

export interface BuildkitParts {
  readonly deps: BuildDeps;
  readonly sessions: Sessions;
  readonly builds: Builds;
  readonly results: LinkedResults;
  readonly blobs: HistoryBlobs;
  readonly version: string;
  /** Keeps a client's session until its connection is closed. */
  holdSession(connection: Duplex, name: SessionName): Promise<void>;
}

/** Builds under way, by the reference their client gave them. */
export class Builds {
  readonly #active = new Map<string, ActiveBuild>();
  readonly #waiting = new Map<string, Array<(build: ActiveBuild) => void>>();

  add(build: ActiveBuild): () => void {
    this.#active.set(build.ref, build);
    for (const tell of this.#waiting.get(build.ref) ?? []) tell(build);
    this.#waiting.delete(build.ref);
    return () => void this.#active.delete(build.ref);
  }

  has(ref: string): boolean {
    return this.#active.has(ref);
  }

  /** A client asks about its build on a call of its own, which may come first. */
  get(ref: string): Promise<ActiveBuild> {
    const active = this.#active.get(ref);
    if (active) return Promise.resolve(active);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(notFound(`no such build: ${ref}`)), 5000);
      const tell = (build: ActiveBuild): void => {
        clearTimeout(timer);
        resolve(build);
      };
      this.#waiting.set(ref, [...(this.#waiting.get(ref) ?? []), tell]);
    });
  }
}

export const versionOf = ({ version }: BuildkitParts) => ({ package: "isle", version: `v${version}`, revision: "" });

/** The one worker that there is. */
export function workerOf(parts: BuildkitParts) {
  const { os, architecture, variant = "" } = hostPlatform();
  const platforms = [{ OS: os, Architecture: architecture, Variant: variant }];
  return {
    ID: "isle",
    // With a snapshotter's name, clients ask for all outputs; without, for what Docker's old image store can do.
    Labels: {
      "org.mobyproject.buildkit.worker.executor": "isle",
      "org.mobyproject.buildkit.worker.snapshotter": "overlayfs",
    },
    platforms,
    version: versionOf(parts),
  };
}
