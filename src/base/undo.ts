/**
 * Reverses of the steps done so far, registered beside each step. Call `commit()` when the whole
 * succeeded; otherwise `revert()` runs them in reverse order, and a failing one does not stop the rest.
 */
export class Undo {
  #steps: Array<() => unknown> = [];

  add(step: () => unknown): void {
    this.#steps.push(step);
  }

  commit(): void {
    this.#steps = [];
  }

  async revert(): Promise<void> {
    const steps = this.#steps.reverse();
    this.#steps = [];
    for (const step of steps) {
      try {
        await step();
      } catch {
        // The error that led here is the one to report; the sweep at the next start repairs the rest.
      }
    }
  }
}

/** Runs `work` with an undo stack: reverted when it throws, committed when it returns. */
export async function withUndo<T>(work: (undo: Undo) => Promise<T>): Promise<T> {
  const undo = new Undo();
  try {
    const result = await work(undo);
    undo.commit();
    return result;
  } catch (error) {
    await undo.revert();
    throw error;
  }
}
