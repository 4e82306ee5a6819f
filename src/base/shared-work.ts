/** How work that several want is done once: its signal aborts when the last of them has left. */
export type StartWork<T, P> = (signal: AbortSignal, report: (progress: P) => void) => Promise<T>;

export interface Joiner<P> {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: P) => void;
}

interface Running<T, P> {
  readonly result: Promise<T>;
  readonly controller: AbortController;
  readonly joiners: Set<Joiner<P>>;
  last: P | undefined;
}

/** Runs one piece of work per key, however many ask for it at the same time. */
export class SharedWork<T, P> {
  readonly #running = new Map<string, Running<T, P>>();

  /** Joins the work under way for `key`, or starts it. A late joiner hears the last progress at once. */
  async join(key: string, joiner: Joiner<P>, start: StartWork<T, P>): Promise<T> {
    joiner.signal?.throwIfAborted();
    const running = this.#running.get(key) ?? this.#begin(key, start);
    running.joiners.add(joiner);
    if (running.last !== undefined) joiner.onProgress?.(running.last);
    const left = Promise.withResolvers<never>();
    const onAbort = (): void => {
      this.#leave(key, running, joiner);
      left.reject(joiner.signal?.reason);
    };
    joiner.signal?.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([running.result, left.promise]);
    } finally {
      joiner.signal?.removeEventListener("abort", onAbort);
      running.joiners.delete(joiner);
    }
  }

  #begin(key: string, start: StartWork<T, P>): Running<T, P> {
    const controller = new AbortController();
    const joiners = new Set<Joiner<P>>();
    const report = (progress: P): void => {
      running.last = progress;
      for (const { onProgress } of joiners) onProgress?.(progress);
    };
    const result = Promise.resolve().then(() => start(controller.signal, report));
    const running: Running<T, P> = { result, controller, joiners, last: undefined };
    this.#running.set(key, running);
    const forget = (): void => this.#forget(key, running);
    result.then(forget, forget);
    return running;
  }

  #leave(key: string, running: Running<T, P>, joiner: Joiner<P>): void {
    running.joiners.delete(joiner);
    if (running.joiners.size > 0) return;
    this.#forget(key, running);
    running.controller.abort(joiner.signal?.reason);
  }

  #forget(key: string, running: Running<T, P>): void {
    if (this.#running.get(key) === running) this.#running.delete(key);
  }
}
