import type { ImageRepository } from "../../core/image.ts";

/**
 * Images under way. A blob is stored before a record names it, so unnamed blobs may only be collected while nothing
 * is being added; collection asked for meanwhile runs right after the last addition.
 */
class Additions {
  #active = 0;
  #waiting: Array<() => void> = [];

  async run<T>(work: () => Promise<T>): Promise<T> {
    this.#active += 1;
    try {
      return await work();
    } finally {
      this.#active -= 1;
      if (this.#active === 0) for (const waiting of this.#waiting.splice(0)) waiting();
    }
  }

  async whenIdle(): Promise<void> {
    while (this.#active > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  get idle(): boolean {
    return this.#active === 0;
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
