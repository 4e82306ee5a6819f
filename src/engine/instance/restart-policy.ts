import type { InstanceRecord } from "../../core/instance.ts";

const firstDelayMs = 100;
const longestDelayMs = 60_000;
/** A run of at least this long counts as healthy, and the delay begins anew. */
const stableRunMs = 10_000;

/** Whether the policy wants the instance back after this exit. */
export function shouldRestart(record: InstanceRecord, exitCode: number): boolean {
  if (record.stoppedByHand || record.host.AutoRemove) return false;
  const { Name: name, MaximumRetryCount: most = 0 } = record.host.RestartPolicy ?? {};
  if (name === "always" || name === "unless-stopped") return true;
  return name === "on-failure" && exitCode !== 0 && (most === 0 || record.restartCount < most!);
}

/** Delays and timers of restarts, by instance. */
export class RestartSchedule {
  readonly #delays = new Map<string, number>();
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();

  /** Calls `restart` after a delay that doubles with each short run. */
  schedule(id: string, ranMs: number, restart: () => void): void {
    const last = this.#delays.get(id) ?? 0;
    const delay = ranMs >= stableRunMs || last === 0 ? firstDelayMs : Math.min(last * 2, longestDelayMs);
    this.#delays.set(id, delay);
    clearTimeout(this.#timers.get(id));
    this.#timers.set(
      id,
      setTimeout(() => {
        this.#timers.delete(id);
        restart();
      }, delay),
    );
  }

  /** Drops the timer and the memory of delays. */
  cancel(id: string): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.#delays.delete(id);
  }

  close(): void {
    for (const id of [...this.#timers.keys()]) this.cancel(id);
  }
}
