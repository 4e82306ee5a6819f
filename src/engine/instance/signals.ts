/** Tells waiters in this process what becomes of instances. Nothing is kept: subscribe first, then look. */
export interface InstanceSignal {
  /** `failed`: a start that came to nothing. */
  readonly kind: "started" | "failed" | "exited" | "removed";
  readonly id: string;
  readonly exitCode?: number;
}

export class InstanceSignals {
  readonly #listeners = new Map<string, Set<(signal: InstanceSignal) => void>>();

  emit(signal: InstanceSignal): void {
    for (const listener of [...(this.#listeners.get(signal.id) ?? [])]) listener(signal);
  }

  /** Calls `listener` for each signal of the instance until the returned function is called. */
  on(id: string, listener: (signal: InstanceSignal) => void): () => void {
    const set = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, set.add(listener));
    return () => {
      set.delete(listener);
      if (set.size === 0 && this.#listeners.get(id) === set) this.#listeners.delete(id);
    };
  }

  /** The first signal of one of these kinds; rejects when `abort` fires first. */
  next(id: string, kinds: readonly InstanceSignal["kind"][], abort?: AbortSignal): Promise<InstanceSignal> {
    return new Promise((resolve, reject) => {
      const off = this.on(id, (signal) => {
        if (!kinds.includes(signal.kind)) return;
        off();
        abort?.removeEventListener("abort", onAbort);
        resolve(signal);
      });
      const onAbort = () => {
        off();
        reject(abort?.reason);
      };
      abort?.addEventListener("abort", onAbort, { once: true });
    });
  }
}
