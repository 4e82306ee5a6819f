import { newId } from "../../base/id.ts";
import type { ContextBase } from "../../core/build/context-update.ts";

/** Files of a build that is over, kept so that the next build of the same directory need not send them again. */
export interface KeptContext extends ContextBase {
  readonly version: string;
  /** The machine's directory with the files. */
  readonly directory: string;
  readonly bytes: number;
  readonly keptAt: string;
}

const maxContexts = 16;
/** A hundred thousand, and the directories they lie in. */
const maxFiles = 120_000;
const maxBytes = 10 * 2 ** 30;

/**
 * Known while the daemon runs; what an earlier daemon kept is swept away at start, since nobody can say whether all of it
 * reached the disk.
 */
export class KeptContexts {
  /** By the client's key, the one used longest ago first. */
  readonly #kept = new Map<string, KeptContext>();

  list(): Array<KeptContext & { readonly key: string }> {
    return [...this.#kept].map(([key, context]) => ({ ...context, key }));
  }

  get(key: string): KeptContext | undefined {
    return this.#kept.get(key);
  }

  /** A build takes it for itself, if it is still there as the client knows it. */
  take(key: string, version = this.#kept.get(key)?.version): KeptContext | undefined {
    const found = this.#kept.get(key);
    if (found === undefined || found.version !== version) return undefined;
    this.#kept.delete(key);
    return found;
  }

  /** Not more than there is room for. */
  mayKeep(files: ContextBase["files"]): boolean {
    return files.size <= maxFiles && bytesOf(files) <= maxBytes;
  }

  /** Returns directories that are no longer wanted. */
  put(key: string, context: ContextBase & { readonly directory: string }): string[] {
    const { files, facts, directory } = context;
    if (!this.mayKeep(files)) return [directory];
    const bytes = bytesOf(files);
    const before = this.take(key);
    const keptAt = new Date().toISOString();
    this.#kept.set(key, { files, facts, directory, bytes, keptAt, version: newId() });
    return [...(before ? [before.directory] : []), ...this.#excess()];
  }

  #excess(): string[] {
    const directories: string[] = [];
    let bytes = this.list().reduce((sum, context) => sum + context.bytes, 0);
    for (const { key, directory, bytes: freed } of this.list()) {
      if (this.#kept.size <= maxContexts && bytes <= maxBytes) break;
      bytes -= freed;
      this.#kept.delete(key);
      directories.push(directory);
    }
    return directories;
  }
}

const bytesOf = (files: ContextBase["files"]): number =>
  [...files.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
