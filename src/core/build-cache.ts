import type { ImageLayer } from "./image.ts";

/**
 * Layers that build steps made, by what went into them: the layers below, the step's words and variables, and the
 * content it took. A record holds its layer's blob and directory; removing it lets them go.
 */
export interface BuildCache {
  get(key: string): BuildCacheRecord | undefined;
  list(): BuildCacheRecord[];
  put(record: BuildCacheRecord): void;
  remove(key: string): void;
}

export interface BuildCacheRecord {
  /** SHA-256 over what went into the step, in hexadecimal. */
  readonly key: string;
  /** The step as the Dockerfile has it. */
  readonly description: string;
  readonly layer: ImageLayer;
  /** Key of the step before; undefined right after a FROM. */
  readonly parent: string | undefined;
  readonly createdAt: string;
  readonly usedAt: string;
  readonly uses: number;
  /** The layer was made on nothing: it fits on whatever layers, and its chain id is that of its last use. */
  readonly linked?: boolean;
  /** A second key of a step that has a record of its own. */
  readonly alias?: boolean;
}
