const idleMs = 3000;

/** Calls back once after each time of activity, when nothing was asked for a while. */
export class WhenIdle {
  readonly #work: () => void;
  #timer: ReturnType<typeof setTimeout>;

  constructor(work: () => void) {
    this.#work = work;
    this.#timer = setTimeout(work, idleMs);
  }

  busy(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#work, idleMs);
  }
}
