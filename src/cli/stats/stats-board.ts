import type { Client } from "../../client/client.ts";
import { containerStats } from "../../client/containers.ts";
import { type StatsRow, statsRow, unknownRow } from "./stats-row.ts";

/** The latest readings of several containers, kept up to date side by side. */
export class StatsBoard {
  readonly #client: Client;
  readonly #stream: boolean;
  readonly #rows = new Map<string, StatsRow>();
  readonly #errors = new Map<string, unknown>();
  readonly #alive = new Set<string>();
  readonly #first: Promise<void>[] = [];
  readonly #stop = new AbortController();

  constructor(client: Client, { stream }: { stream: boolean }) {
    this.#client = client;
    this.#stream = stream;
  }

  /** Begins to read a container; one that is followed already is left alone. */
  follow(name: string): void {
    if (this.#rows.has(name)) return;
    this.#rows.set(name, unknownRow(name));
    this.#alive.add(name);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#first.push(promise);
    void this.#read(name, resolve);
  }

  /** Resolves when each container has been read once, or failed. */
  async firstReadings(): Promise<void> {
    await Promise.all(this.#first);
  }

  rows(): StatsRow[] {
    return [...this.#rows.values()];
  }

  errors(): unknown[] {
    return [...this.#errors.values()];
  }

  isAlive(): boolean {
    return this.#alive.size > 0;
  }

  stop(): void {
    this.#stop.abort();
  }

  async #read(name: string, first: () => void): Promise<void> {
    try {
      const options = { stream: this.#stream, signal: this.#stop.signal };
      for await (const reading of containerStats(this.#client, name, options)) {
        this.#rows.set(name, statsRow(name, reading));
        const isComplete = !this.#stream || (reading.precpu_stats?.system_cpu_usage ?? 0) > 0;
        if (isComplete) first();
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#errors.set(name, error);
    }
    this.#alive.delete(name);
    this.#rows.delete(this.#stream ? name : "");
    first();
  }
}
