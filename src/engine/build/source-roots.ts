import { newId } from "../../base/id.ts";
import type { TreeRoot } from "../../core/archive.ts";
import type { ChainId } from "../../core/snapshot.ts";
import type { BuildDeps } from "./deps.ts";

/** Roots that steps read from, one for each stack of layers; gone with the build. */
export class SourceRoots {
  readonly #deps: BuildDeps;
  readonly #ids = new Map<string, string>();

  constructor(deps: BuildDeps) {
    this.#deps = deps;
  }

  /** With `mapped`, as users of a namespace see them. */
  mount(layers: readonly ChainId[], { mapped = false } = {}): TreeRoot {
    const key = [mapped, ...layers].join(" ");
    const known = this.#ids.get(key);
    const id = known ?? newId();
    if (!known) {
      this.#deps.snapshots.prepare(id, layers, { bare: true, mapped });
      this.#ids.set(key, id);
    }
    return { path: this.#deps.snapshots.mount(id) };
  }

  async close(): Promise<void> {
    for (const id of this.#ids.values()) await this.#deps.snapshots.removeRoot(id);
    this.#ids.clear();
  }
}
