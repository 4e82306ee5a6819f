import { createHash } from "node:crypto";
import { IsleError } from "../../base/error.ts";
import type { BuildOutcome } from "../../engine/build/build-image.ts";
import type { CacheTarget } from "../../engine/build/cache/cache-words.ts";
import type { BuildOutput } from "../../engine/build/outputs/output.ts";
import type { BuildEvent, BuildStep } from "../../engine/build/request.ts";
import { timestamp } from "./messages.ts";

/** A part of a build that its client shows as one line. */
export interface Vertex {
  readonly digest: string;
  readonly name: string;
  readonly cached?: boolean;
  readonly started?: object;
  readonly completed?: object;
  readonly error?: string;
}

interface VertexWarning {
  readonly vertex: string;
  readonly level: number;
  readonly short: Uint8Array;
  readonly detail?: readonly Uint8Array[];
  readonly url?: string;
  readonly info?: { readonly filename: string; readonly data: Uint8Array; readonly language: string };
  readonly ranges?: ReadonlyArray<{ readonly start: { line: number }; readonly end: { line: number } }>;
}

export interface StatusUpdate {
  readonly vertexes?: readonly Vertex[];
  readonly logs?: ReadonlyArray<{ vertex: string; timestamp: object; stream: number; msg: Uint8Array }>;
  readonly warnings?: readonly VertexWarning[];
}

/** Name of the part in which a Dockerfile is read. */
export const definitionPart = (name: string): string => `[internal] load build definition from ${name}`;

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
  /** What the frontend has built, by the reference that the client knows it under. */
  readonly results = new Map<string, BuildOutcome>();
  readonly #updates: StatusUpdate[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #started = new Map<string, number>();
  #ended = false;
  #settle!: { resolve: (outcome: BuildOutcome | undefined) => void; reject: (error: unknown) => void };

  constructor(facts: Pick<ActiveBuild, "ref" | "session" | "outputs" | "cacheTo" | "entitlements" | "signal">) {
    this.ref = facts.ref;
    this.session = facts.session;
    this.outputs = facts.outputs;
    this.cacheTo = facts.cacheTo;
    this.entitlements = facts.entitlements;
    this.signal = facts.signal;
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

  /** A part of the build that is no step: it is shown from its begin to its end. */
  async part<T>(name: string, work: () => Promise<T>): Promise<T> {
    const digest = this.#digest(name);
    this.#begin(digest, name);
    try {
      const result = await work();
      this.#complete(digest, { name });
      return result;
    } catch (error) {
      this.#complete(digest, { name, error: error instanceof Error ? error.message : String(error) });
      throw error;
    }
  }

  take(event: BuildEvent): void {
    if (event.kind === "start") this.#begin(this.#stepDigest(event.step), event.step.name);
    else if (event.kind === "output") this.#log(event);
    else if (event.kind === "end") this.#finish(event.step, { cached: event.cached });
    else if (event.kind === "failed") this.#finish(event.step, { error: event.message });
    else if (event.kind === "lint") this.#lint(event);
    else if (event.kind === "warning") {
      this.#push({ warnings: [{ vertex: "", level: 1, short: Buffer.from(event.message) }] });
    }
  }

  #lint({ warning, source }: Extract<BuildEvent, { kind: "lint" }>): void {
    const { rule, detail, description, url, lines } = warning;
    const found = {
      vertex: this.#digest(definitionPart(source.name)),
      level: 1,
      short: Buffer.from(`${rule}: ${detail} (line ${lines.first})`),
      detail: [Buffer.from(description)],
      url,
      info: { filename: source.name, data: Buffer.from(source.text), language: "Dockerfile" },
      ranges: [{ start: { line: lines.first }, end: { line: lines.last } }],
    };
    this.#push({ warnings: [found] });
  }

  #finish(step: BuildStep, facts: Pick<Vertex, "cached" | "error">): void {
    this.#complete(this.#stepDigest(step), { name: step.name, ...facts });
  }

  #log({ step, stream, data }: Extract<BuildEvent, { kind: "output" }>): void {
    const log = {
      vertex: this.#stepDigest(step),
      timestamp: timestamp(Date.now()),
      stream: stream === "stdout" ? 1 : 2,
    };
    this.#push({ logs: [{ ...log, msg: data }] });
  }

  #begin(digest: string, name: string): void {
    this.#started.set(digest, Date.now());
    this.#push({ vertexes: [{ digest, name, started: timestamp(Date.now()) }] });
  }

  #complete(digest: string, facts: Pick<Vertex, "name" | "cached" | "error">): void {
    const started = timestamp(this.#started.get(digest) ?? Date.now());
    this.#push({ vertexes: [{ digest, ...facts, started, completed: timestamp(Date.now()) }] });
  }

  #stepDigest = ({ number, name }: BuildStep): string => this.#digest(`${number} ${name}`);

  #digest = (text: string): string => `sha256:${createHash("sha256").update(`${this.ref} ${text}`).digest("hex")}`;

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
