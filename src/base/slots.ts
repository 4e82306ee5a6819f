/** A number of places; who finds none free waits in line. */
export class Slots {
  #free: number;
  #line: Array<() => void> = [];

  constructor(places: number) {
    this.#free = places;
  }

  /** True when `take` would have to wait. */
  get full(): boolean {
    return this.#free === 0;
  }

  /** Takes a place and returns what gives it back. Rejects with the signal's reason when aborted in line. */
  async take(signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    if (this.#free > 0) this.#free -= 1;
    else await this.#wait(signal);
    let held = true;
    return () => {
      if (held) this.#giveBack();
      held = false;
    };
  }

  #wait(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#line = this.#line.filter((waiting) => waiting !== proceed);
        reject(signal?.reason);
      };
      const proceed = (): void => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      this.#line.push(proceed);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** A place goes straight to the first in line, so nobody overtakes. */
  #giveBack(): void {
    const next = this.#line.shift();
    if (next) next();
    else this.#free += 1;
  }
}
