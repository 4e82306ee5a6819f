import type { ImageRepository } from "../../core/image.ts";

/**
 * Images under way. A blob is stored before a record names it, so unnamed blobs may only be collected while nothing
 * is being added, and nothing may be added while they are collected.
 */
class Additions {
  #active = 0;
  #collecting: Promise<unknown> | undefined;
  #deferred: (() => Promise<unknown>) | undefined;

  /** Runs an addition, after a collection under way. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    while (this.#collecting) await this.#collecting;
    this.#active += 1;
    try {
      return await work();
    } finally {
      this.#active -= 1;
      this.#collectDeferred();
    }
  }

  /** Runs a collection now, or where additions are under way after the last of them, without waiting for it. */
  async collect(work: () => Promise<unknown>): Promise<void> {
    while (this.#collecting) await this.#collecting;
    if (this.#active > 0) this.#deferred = work;
    else await this.#start(work);
  }

  async #start(work: () => Promise<unknown>): Promise<void> {
    const collecting = work();
    this.#collecting = collecting.catch(() => undefined);
    try {
      await collecting;
    } finally {
      this.#collecting = undefined;
    }
  }

  #collectDeferred(): void {
    const work = this.#deferred;
    if (this.#active > 0 || !work) return;
    this.#deferred = undefined;
    // Whoever asked was told already; what stays behind is found by the next collection.
    this.#start(work).catch(() => undefined);
  }
}

const byRepository = new WeakMap<ImageRepository, Additions>();

export function additionsTo(images: ImageRepository): Additions {
  const known = byRepository.get(images);
  if (known) return known;
  const additions = new Additions();
  byRepository.set(images, additions);
  return additions;
}
