import { isCode, messageOf } from "../../../base/error.ts";
import { now } from "../../../base/time.ts";
import { placeOf } from "../../../core/build/source.ts";
import type { BuildRecord, RecordAttachment } from "../../../core/build-history.ts";
import type { BuildAttachment } from "../attest/build-attachments.ts";
import type { BuildOutcome } from "../build-image.ts";
import type { BuildEvent } from "../request.ts";
import type { BuildFacts } from "./journal.ts";
import { encodeEvent, type TimedEvent } from "./timed-event.ts";

/** A build under way, as its history will have it. */
export interface RunningBuild {
  readonly record: BuildRecord;
  take(event: BuildEvent): void;
  /** All it has said, and what it says until it ends. */
  follow(signal: AbortSignal): AsyncGenerator<TimedEvent, void>;
  completed(outcome: Pick<BuildOutcome, "facts" | "attachments">): void;
  failed(error: unknown): void;
}

interface Journal {
  put(record: BuildRecord): void;
  append(text: string): void;
  keep(attachment: BuildAttachment): RecordAttachment;
  ended(): void;
}

export const startRunningBuild = (facts: BuildFacts, journal: Journal): RunningBuild => new Running(facts, journal);

/** What a log may hold; a build may say any amount. */
const maxLogBytes = 4 << 20;
/** Of a Dockerfile that is kept with its fault. */
const maxPlaceBytes = 64 << 10;
/** Written when there is so much, after a moment, or at the end: a crash loses no more than the last moment of a log. */
const chunkBytes = 64 << 10;
const momentMs = 500;

class Running implements RunningBuild {
  record: BuildRecord;
  readonly #journal: Journal;
  readonly #events: TimedEvent[] = [];
  #wake = Promise.withResolvers<void>();
  #unwritten = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #written = 0;
  #isFull = false;

  constructor(facts: BuildFacts, journal: Journal) {
    const counts = { steps: 0, finishedSteps: 0, cachedSteps: 0, warnings: 0 };
    const ends = { error: undefined, endedAt: undefined, facts: {} };
    this.record = { ...facts, ...counts, ...ends, status: "running", createdAt: now() };
    this.#journal = journal;
    this.#later(() => journal.put(this.record));
  }

  take(event: BuildEvent): void {
    this.record = { ...this.record, ...counted(this.record, event) };
    if (this.#isFull && event.kind === "output") return;
    this.#say(event);
    if (this.#written + this.#unwritten.length < maxLogBytes || this.#isFull) return;
    this.#isFull = true;
    this.#say({ kind: "warning", message: "the build said more than its history keeps" });
  }

  async *follow(signal: AbortSignal): AsyncGenerator<TimedEvent, void> {
    const gone = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    for (let at = 0; ; at += 1) {
      while (at >= this.#events.length) {
        if (this.record.status !== "running" || signal.aborted) return;
        await Promise.race([this.#wake.promise, gone]);
      }
      yield this.#events[at]!;
    }
  }

  completed({ facts, attachments }: Pick<BuildOutcome, "facts" | "attachments">): void {
    this.#end({ status: "completed", facts }, () => ({
      attachments: attachments().map((each) => this.#journal.keep(each)),
    }));
  }

  failed(error: unknown): void {
    const status = isCode(error, "cancelled") ? "cancelled" : "error";
    const place = placeOf(error);
    this.#end({
      ...{ status, error: place?.problem ?? messageOf(error) },
      ...(place && place.source.text.length <= maxPlaceBytes && { place: { ...place.source, ...place.lines } }),
    });
  }

  #say(event: BuildEvent): void {
    const timed = { at: Date.now(), event };
    this.#events.push(timed);
    this.#unwritten += encodeEvent(timed);
    if (this.#unwritten.length > chunkBytes) this.#write();
    else this.#timer ??= setTimeout(() => this.#write(), momentMs).unref();
    this.#tell();
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#unwritten === "") return;
    this.#written += this.#unwritten.length;
    const text = this.#unwritten;
    this.#unwritten = "";
    try {
      this.#journal.append(text);
    } catch {
      // As in #later.
    }
  }

  #end(change: Partial<BuildRecord>, more: () => Partial<BuildRecord> = () => ({})): void {
    if (this.record.status !== "running") return;
    this.record = { ...this.record, ...change, endedAt: now() };
    this.#later(() => {
      this.#write();
      this.#add(more);
      this.#journal.put(this.record);
      this.#journal.ended();
    });
    this.#tell();
  }

  #add(more: () => Partial<BuildRecord>): void {
    try {
      this.record = { ...this.record, ...more() };
    } catch {
      // As in #later.
    }
  }

  /** The disk is written to once the client has its answer: a build of cached steps takes no longer for its history. */
  #later(work: () => void): void {
    setImmediate(() => {
      try {
        work();
      } catch {
        // A full disk must not fail the build; its history lacks it then.
      }
    });
  }

  #tell(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}

function counted(record: BuildRecord, event: BuildEvent): Partial<BuildRecord> {
  switch (event.kind) {
    case "plan":
      return { steps: event.steps.length };
    case "end":
      return {
        finishedSteps: record.finishedSteps + 1,
        cachedSteps: record.cachedSteps + (event.cached ? 1 : 0),
        steps: Math.max(record.steps, event.step.number),
      };
    case "failed":
      return { failedStep: { number: event.step.number, name: event.step.name } };
    case "lint":
      return { warnings: record.warnings + 1 };
    default:
      return {};
  }
}
