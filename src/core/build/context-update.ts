import type { ContextFacts } from "../../base/context-facts.ts";
import { invalid } from "../../base/error.ts";
import type { ContextManifest, ManifestEntry } from "./context-manifest.ts";

/** Files of an earlier build, as they lie on the disk. */
export interface ContextBase {
  readonly files: ContextManifest["files"];
  readonly facts: ContextFacts;
}

export interface ContextUpdate {
  readonly files: ReadonlyMap<string, ManifestEntry>;
  /** Paths of the base that have to go before the archive is unpacked over it. */
  readonly stale: readonly string[];
  /** The base's files are not the context's. */
  readonly changed: boolean;
}

/** The whole context, when `received` holds what is new since the base. A file that neither has fails with invalid. */
export function updateContext(
  received: ContextManifest["files"],
  facts: ContextFacts,
  base: ContextBase | undefined,
): ContextUpdate {
  const files = new Map<string, ManifestEntry>();
  let changed = base === undefined;
  for (const [path, fact] of facts) {
    const before = base?.files.get(path);
    const entry = received.get(path) ?? (base?.facts.get(path) === fact ? before : undefined);
    if (entry === undefined) throw invalid(`the build context lacks ${path}`);
    if (before === undefined || !isSame(before, entry)) changed = true;
    files.set(path, entry);
  }
  const stale = [...(base?.files ?? [])].filter(([path, { type }]) => path !== "" && files.get(path)?.type !== type);
  return { files, stale: stale.map(([path]) => path), changed: changed || stale.length > 0 };
}

const isSame = (a: ManifestEntry, b: ManifestEntry): boolean =>
  a.type === b.type && a.mode === b.mode && a.link === b.link && a.digest === b.digest;
