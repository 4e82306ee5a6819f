import { type StatusUpdate, StatusWriter } from "../../api/build-status.ts";
import { IsleError, messageOf } from "../../base/error.ts";
import type { BuildOutcome } from "../../engine/build/build-image.ts";
import type { CacheTarget } from "../../engine/build/cache/cache-words.ts";
import { HostKeys } from "../../engine/build/host-keys.ts";
import type { BuildOutput } from "../../engine/build/outputs/output.ts";
import type { BuildEvent } from "../../engine/build/request.ts";

/** One build that a client asked for: what was said of it so far, and its end. */
export class ActiveBuild {
  readonly ref: string;
  readonly session: string;
  readonly outputs: readonly BuildOutput[];
  readonly cacheTo: readonly CacheTarget[];
  readonly entitlements: readonly string[];
  readonly signal: AbortSignal;
  /** Settles when the client's own part of the build is done: with the result it chose, if any. */
  readonly returned: Promise<BuildOutcome | undefined>;
  /** Of what the frontend has built, as the client knows them. */
  readonly references = new Set<string>();
  readonly hostKeys = new HostKeys((message) => this.take({ kind: "warning", message }));
  readonly #updates: StatusUpdate[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #writer: StatusWriter;
  /** What went wrong on the way; the client only hands on what it was told of it. */
  failure: unknown;
  #tell: (event: BuildEvent) => void = () => {};
  #ended = false;
  #settle!: { resolve: (outcome: BuildOutcome | undefined) => void; reject: (error: unknown) => void };

  constructor(facts: Pick<ActiveBuild, "ref" | "session" | "outputs" | "cacheTo" | "entitlements" | "signal">) {
    this.ref = facts.ref;
    this.session = facts.session;
    this.outputs = facts.outputs;
    this.cacheTo = facts.cacheTo;
    this.entitlements = facts.entitlements;
    this.signal = facts.signal;
    this.#writer = new StatusWriter(facts.ref, (update) => this.#push(update));
    this.returned = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.returned.catch(() => {});
    facts.signal.addEventListener("abort", () => this.fail(new IsleError("cancelled", "the build was cancelled")), {
      once: true,
    });
  }

  return(outcome: BuildOutcome | undefined): void {
    this.#settle.resolve(outcome);
  }

  fail(error: unknown): void {
    this.#settle.reject(error);
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** Every update from the first on, until the build has ended. */
  async *updates(): AsyncGenerator<StatusUpdate, void> {
    for (let at = 0; ; at += 1) {
      while (at >= this.#updates.length) {
        if (this.#ended) return;
        await new Promise<void>((resolve) => this.#listeners.add(resolve));
      }
      yield this.#updates[at]!;
    }
  }

  /** Tells what happens from now on to the history, too. */
  record(tell: (event: BuildEvent) => void): void {
    this.#tell = tell;
  }

  /** A part of the build that is no step: it is shown from its begin to its end. */
  async part<T>(name: string, work: () => Promise<T>): Promise<T> {
    this.take({ kind: "part", name, state: "start" });
    try {
      const result = await work();
      this.take({ kind: "part", name, state: "end" });
      return result;
    } catch (error) {
      this.take({ kind: "part", name, state: "failed", message: messageOf(error) });
      throw error;
    }
  }

  take(event: BuildEvent): void {
    this.#writer.take(event);
    this.#tell(event);
  }

  #push(update: StatusUpdate): void {
    this.#updates.push(update);
    this.#wake();
  }

  #wake(): void {
    const waiting = [...this.#listeners];
    this.#listeners.clear();
    for (const tell of waiting) tell();
  }
}
