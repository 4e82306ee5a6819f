import { createHash } from "node:crypto";
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

/** Words what happens in a build as BuildKit's clients are told of it. Times are milliseconds since 1970. */
export class StatusWriter {
  readonly #ref: string;
  readonly #push: (update: StatusUpdate) => void;
  readonly #started = new Map<string, number>();

  constructor(ref: string, push: (update: StatusUpdate) => void) {
    this.#ref = ref;
    this.#push = push;
  }

  take(event: BuildEvent, at: number = Date.now()): void {
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

  #part(event: Extract<BuildEvent, { kind: "part" }>, at: number): void {
    const { name } = event;
    const digest = this.#digest(name);
    if (event.state === "start") this.#begin(digest, name, at);
    else this.#complete(digest, { name, ...(event.state === "failed" && { error: event.message }) }, at);
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

  #finish(step: BuildStep, facts: Pick<Vertex, "cached" | "error">, at: number): void {
    this.#complete(this.#ofStep(step), { name: step.name, ...facts }, at);
  }

  #log({ step, stream, data }: Extract<BuildEvent, { kind: "output" }>, at: number): void {
    const log = { vertex: this.#ofStep(step), timestamp: timestamp(at), stream: stream === "stdout" ? 1 : 2 };
    this.#push({ logs: [{ ...log, msg: data }] });
  }

  #begin(digest: string, name: string, at: number): void {
    this.#started.set(digest, at);
    this.#push({ vertexes: [{ digest, name, started: timestamp(at) }] });
  }

  #complete(digest: string, facts: Pick<Vertex, "name" | "cached" | "error">, at: number): void {
    const started = timestamp(this.#started.get(digest) ?? at);
    this.#push({ vertexes: [{ digest, ...facts, started, completed: timestamp(at) }] });
  }

  #ofStep = (step: BuildStep): string => vertexDigest(this.#ref, step);

  #digest = (text: string): string => digestOf(this.#ref, text);
}

/** The digest by which clients know a step of a build. */
export const vertexDigest = (ref: string, { number, name }: Pick<BuildStep, "number" | "name">): string =>
  digestOf(ref, `${number} ${name}`);

const digestOf = (ref: string, text: string): string =>
  `sha256:${createHash("sha256").update(`${ref} ${text}`).digest("hex")}`;
