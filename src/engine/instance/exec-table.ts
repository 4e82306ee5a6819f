import type { ExecSession } from "../../core/runtime.ts";

export interface ExecRecord {
  readonly id: string;
  readonly instanceId: string;
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly user: string;
  readonly privileged: boolean;
  readonly env: readonly string[];
  readonly workingDir: string;
  readonly attachStdin: boolean;
  readonly attachStdout: boolean;
  readonly attachStderr: boolean;
  readonly detachKeys: string;
  readonly consoleSize: readonly number[] | undefined;
  started: boolean;
  running: boolean;
  exitCode: number | undefined;
  session: ExecSession | undefined;
}

/** How long the result of an ended command can be asked for. */
const keepMs = 5 * 60_000;

/** Exec sessions of this daemon; they end with it, and their results are kept for a while after they ended. */
export class ExecTable {
  readonly #records = new Map<string, ExecRecord>();

  add(record: ExecRecord): void {
    this.#records.set(record.id, record);
  }

  get(id: string): ExecRecord | undefined {
    return this.#records.get(id);
  }

  idsOf(instanceId: string): string[] {
    return [...this.#records.values()]
      .filter((record) => record.instanceId === instanceId && (record.running || !record.started))
      .map(({ id }) => id);
  }

  /** Forgets the session after a while. */
  expire(id: string): void {
    setTimeout(() => this.#records.delete(id), keepMs).unref();
  }

  /** The instance ended: what was never started never will be. */
  dropAll(instanceId: string): void {
    for (const record of this.#records.values()) {
      if (record.instanceId === instanceId && !record.started) this.#records.delete(record.id);
    }
  }
}
