import { IsleError, notFound } from "../../base/error.ts";
import { newId } from "../../base/id.ts";
import type { BuildOutcome } from "../../engine/build/build-image.ts";
import type { BuildContext } from "../../engine/build/context.ts";
import type { BuildDeps } from "../../engine/build/deps.ts";
import type { LinkedResult } from "../../engine/build/request.ts";
import { type Definition, definitionOf } from "./definitions.ts";

const prefix = "isle-result://";

export const isLinked = (identifier: string): boolean => identifier.startsWith(prefix);

/** A result as its client knows it: by a name nobody can guess, and by the definition that hands it to other builds. */
export interface ResultReference {
  readonly id: string;
  readonly def: Definition;
}

/** What a client's part of a build has solved: a Dockerfile, for one platform, or files of a source, some by other names. */
export type GatewayResult =
  | { readonly kind: "built"; readonly result: LinkedResult; readonly outcome: BuildOutcome }
  | { readonly kind: "files"; readonly files: BuildContext; readonly names: ReadonlyMap<string, string> };

/** What builds under way have made: their clients may ask for files of it, or let other builds take it as a named context. */
export class LinkedResults {
  readonly #byId = new Map<string, GatewayResult>();

  add(result: GatewayResult): ResultReference {
    const id = newId();
    this.#byId.set(id, result);
    return { id, def: definitionOf({ identifier: `${prefix}${id}`, attrs: {} }) };
  }

  get(id: string): GatewayResult {
    const found = this.#byId.get(id);
    if (!found) throw notFound("no such result of a build under way");
    return found;
  }

  /** Fails with notFound when its build has ended, or its layers have gone with the cache meanwhile. */
  linked({ snapshots, content }: BuildDeps, identifier: string): LinkedResult {
    const found = this.#byId.get(identifier.slice(prefix.length));
    if (found?.kind !== "built") throw gone("its client ended that build before this one");
    const { layers } = found.result;
    if (layers.every(({ chainId, blob }) => snapshots.hasLayer(chainId) && content.size(blob) !== undefined)) {
      return found.result;
    }
    throw gone("the cache was pruned meanwhile: build again");
  }

  /** Lets go of the results of a build that has ended. */
  async remove(ids: Iterable<string>): Promise<void> {
    for (const id of ids) {
      const found = this.#byId.get(id);
      this.#byId.delete(id);
      if (found?.kind === "files") await found.files.release();
    }
  }
}

const gone = (hint: string): IsleError => new IsleError("notFound", "the result of the linked build is gone", { hint });
