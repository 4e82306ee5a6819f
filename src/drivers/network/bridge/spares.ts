import type { Logger } from "../../../base/log.ts";
import type { Endpoint } from "../../../core/instance.ts";
import { isNetns } from "../../../os/netns.ts";

export interface Prepared {
  readonly netns: string;
  readonly endpoint: Endpoint;
}

export interface SparesOptions {
  readonly count: number;
  readonly log: Logger;
  /** Undefined while there is no network to prepare for. */
  prepare(): Prepared | undefined | Promise<Prepared | undefined>;
  discard(spare: Prepared): void;
}

/** Namespaces kept ready on the default network. */
export class Spares {
  readonly #options: SparesOptions;
  #ready: Prepared[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: SparesOptions) {
    this.#options = options;
  }

  take(): Prepared | undefined {
    let spare = this.#ready.shift();
    while (spare && !isNetns(spare.netns)) {
      this.#options.discard(spare);
      spare = this.#ready.shift();
    }
    this.refill();
    return spare;
  }

  /** Refills one at a time and only when nothing else is to do, so that no start waits for it. */
  refill(): void {
    if (this.#timer !== undefined || this.#closed || this.#ready.length >= this.#options.count) return;
    const wanted = this.#ready;
    this.#timer = setTimeout(async () => {
      const spare = await this.#prepared();
      this.#timer = undefined;
      if (!spare) return;
      // Prepared for what is no more: its network may be another by now.
      if (wanted === this.#ready) this.#ready.push(spare);
      else this.#options.discard(spare);
      this.refill();
    }, 5);
  }

  async #prepared(): Promise<Prepared | undefined> {
    try {
      return await this.#options.prepare();
    } catch (error) {
      this.#options.log.warn("preparing a network namespace failed", { error: String(error) });
      return undefined;
    }
  }

  drop(): void {
    for (const spare of this.#ready) this.#options.discard(spare);
    this.#ready = [];
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.drop();
  }
}
