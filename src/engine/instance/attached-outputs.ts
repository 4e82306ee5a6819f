const patienceMs = 1000;

/**
 * Clients that are attached to instances' output. Who waits for an instance is answered when they have got the last of it, as
 * they would from a copy of the pipe; but a client that does not read holds nobody up for long.
 */
export class AttachedOutputs {
  readonly #open = new Map<string, Set<Promise<void>>>();
  readonly #writers = new Map<string, number>();

  /** The returned function says that the client has got everything, or wants no more. */
  begin(id: string): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    const open = this.#open.get(id) ?? new Set();
    this.#open.set(id, open.add(promise));
    return () => {
      open.delete(promise);
      if (open.size === 0 && this.#open.get(id) === open) this.#open.delete(id);
      resolve();
    };
  }

  /** Notes a client that may write to the standard input, until the signal fires. */
  beginInput(id: string, signal: AbortSignal): void {
    const add = (change: number) => this.#writers.set(id, (this.#writers.get(id) ?? 0) + change);
    add(1);
    const end = () => {
      add(-1);
      if (this.#writers.get(id) === 0) this.#writers.delete(id);
    };
    signal.addEventListener("abort", end, { once: true });
  }

  hasInput(id: string): boolean {
    return this.#writers.has(id);
  }

  has(id: string): boolean {
    return this.#open.has(id);
  }

  async drained(id: string): Promise<void> {
    const open = this.#open.get(id);
    if (!open) return;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, patienceMs);
    await Promise.race([Promise.all(open), late]);
    clearTimeout(timer);
  }
}
