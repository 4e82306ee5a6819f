import { createHash } from "node:crypto";

/** What happens in a build, as far as clients are shown it. */
export type StatusEvent =
  | { readonly kind: "start"; readonly step: StatusStep }
  | {
      readonly kind: "output";
      readonly step: StatusStep;
      readonly stream: "stdout" | "stderr";
      readonly data: Uint8Array;
    }
  | { readonly kind: "end"; readonly step: StatusStep; readonly cached: boolean }
  | { readonly kind: "failed"; readonly step: StatusStep; readonly message: string }
  | { readonly kind: "warning"; readonly message: string }
  | { readonly kind: "part"; readonly name: string; readonly state: "start" | "end" }
  | { readonly kind: "part"; readonly name: string; readonly state: "failed"; readonly message: string }
  | {
      readonly kind: "lint";
      readonly warning: Finding;
      readonly source: { readonly name: string; readonly text: string };
    };

export interface StatusStep {
  readonly number: number;
  readonly name: string;
}

interface Finding {
  readonly rule: string;
  readonly detail: string;
  readonly description: string;
  readonly url: string;
  readonly lines: { readonly first: number; readonly last: number };
}

/** A part of a build that its client shows as one line. */
export interface Vertex {
  readonly digest: string;
  readonly name: string;
  readonly cached?: boolean;
  /** Milliseconds since 1970. */
  readonly started?: number;
  readonly completed?: number;
  readonly error?: string;
}

export interface VertexLog {
  readonly vertex: string;
  readonly timestamp: number;
  readonly stream: 1 | 2;
  readonly data: Uint8Array;
}

export interface VertexWarning {
  readonly vertex: string;
  readonly level: number;
  readonly short: Uint8Array;
  readonly detail?: readonly Uint8Array[];
  readonly url?: string;
  readonly source?: { readonly filename: string; readonly data: Uint8Array; readonly language: string };
  readonly ranges?: ReadonlyArray<{ readonly start: { line: number }; readonly end: { line: number } }>;
}

/** News of a build in BuildKit's words. */
export interface StatusUpdate {
  readonly vertexes?: readonly Vertex[];
  readonly logs?: readonly VertexLog[];
  readonly warnings?: readonly VertexWarning[];
}

/** Name of the part in which a Dockerfile is read. */
export const definitionPart = (name: string): string => `[internal] load build definition from ${name}`;

/** Words what happens in a build as BuildKit's clients are told of it. Times are milliseconds since 1970. */
export class StatusWriter {
  readonly #ref: string;
  readonly #push: (update: StatusUpdate) => void;
  readonly #started = new Map<string, number>();

  constructor(ref: string, push: (update: StatusUpdate) => void) {
    this.#ref = ref;
    this.#push = push;
  }

  take(event: StatusEvent | { readonly kind: "plan" | "image" }, at: number = Date.now()): void {
    if (event.kind === "start") this.#begin(this.#ofStep(event.step), event.step.name, at);
    else if (event.kind === "output") this.#log(event, at);
    else if (event.kind === "end") this.#finish(event.step, { cached: event.cached }, at);
    else if (event.kind === "failed") this.#finish(event.step, { error: event.message }, at);
    else if (event.kind === "part") this.#part(event, at);
    else if (event.kind === "lint") this.#lint(event);
    else if (event.kind === "warning") {
      this.#push({ warnings: [{ vertex: "", level: 1, short: Buffer.from(event.message) }] });
    }
  }

  #part(event: Extract<StatusEvent, { kind: "part" }>, at: number): void {
    const { name } = event;
    const digest = this.#digest(name);
    if (event.state === "start") this.#begin(digest, name, at);
    else this.#complete(digest, { name, ...(event.state === "failed" && { error: event.message }) }, at);
  }

  #lint({ warning, source }: Extract<StatusEvent, { kind: "lint" }>): void {
    const { rule, detail, description, url, lines } = warning;
    const found = {
      vertex: this.#digest(definitionPart(source.name)),
      level: 1,
      short: Buffer.from(`${rule}: ${detail} (line ${lines.first})`),
      detail: [Buffer.from(description)],
      url,
      source: { filename: source.name, data: Buffer.from(source.text), language: "Dockerfile" },
      ranges: [{ start: { line: lines.first }, end: { line: lines.last } }],
    };
    this.#push({ warnings: [found] });
  }

  #finish(step: StatusStep, facts: Pick<Vertex, "cached" | "error">, at: number): void {
    this.#complete(this.#ofStep(step), { name: step.name, ...facts }, at);
  }

  #log({ step, stream, data }: Extract<StatusEvent, { kind: "output" }>, at: number): void {
    this.#push({
      logs: [{ vertex: this.#ofStep(step), timestamp: at, stream: stream === "stdout" ? 1 : 2, data }],
    });
  }

  #begin(digest: string, name: string, at: number): void {
    this.#started.set(digest, at);
    this.#push({ vertexes: [{ digest, name, started: at }] });
  }

  #complete(digest: string, facts: Pick<Vertex, "name" | "cached" | "error">, at: number): void {
    this.#push({
      vertexes: [{ digest, ...facts, started: this.#started.get(digest) ?? at, completed: at }],
    });
  }

  #ofStep = (step: StatusStep): string => vertexDigest(this.#ref, step);

  #digest = (text: string): string => digestOf(this.#ref, text);
}

/** The digest by which clients know a step of a build. */
export const vertexDigest = (ref: string, { number, name }: StatusStep): string => digestOf(ref, `${number} ${name}`);

const digestOf = (ref: string, text: string): string =>
  `sha256:${createHash("sha256").update(`${ref} ${text}`).digest("hex")}`;
