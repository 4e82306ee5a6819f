import { join } from "node:path";
import { IsleError, invalid, notFound } from "../../../base/error.ts";
import { newId } from "../../../base/id.ts";
import { now } from "../../../base/time.ts";
import type { BuildHistory, BuildRecord, RecordAttachment } from "../../../core/build-history.ts";
import type { Machine } from "../../../core/machine.ts";
import { digestOfBytes } from "../../image/image-archive.ts";
import type { BuildAttachment } from "../attest/build-attachments.ts";
import { type RunningBuild, startRunningBuild } from "./running-build.ts";
import { decodeEvents, type TimedEvent } from "./timed-event.ts";

/** What is known of a build when it begins. */
export type BuildFacts = Pick<BuildRecord, "id" | "name" | "context" | "dockerfile" | "target" | "platform" | "args">;

interface Place {
  readonly history: BuildHistory;
  readonly machine: Machine;
  /** Directory of the logs. */
  readonly directory: string;
}

const maxBuilds = 100;

/** Remembers builds: a record of each, and what it said. The oldest go when there are too many. */
export class BuildJournal {
  readonly #place: Place;
  readonly #running = new Map<string, RunningBuild>();
  readonly #listeners = new Set<(record: BuildRecord) => void>();

  /** Builds that an earlier daemon did not see to their end ended with it. */
  constructor(place: Place) {
    this.#place = place;
    for (const record of place.history.list()) {
      if (record.status !== "running") continue;
      place.history.put({ ...record, status: "error", error: "the engine ended during the build", endedAt: now() });
    }
    this.#sweep();
  }

  /** The name that a client gave its build, unless another has it or it is none for a file. */
  freeId(wanted: string): string {
    const isFit = /^[a-z0-9]{16,64}$/.test(wanted) && !this.has(wanted);
    return isFit ? wanted : newId();
  }

  /** Begins a record; the build's events and its end are told to what is returned. */
  begin(facts: BuildFacts): RunningBuild {
    const { history, machine } = this.#place;
    const running = startRunningBuild(facts, {
      put: (record) => {
        history.put(record);
        for (const tell of this.#listeners) tell(record);
      },
      append: (text) => machine.appendFile(this.#log(facts.id), text),
      keep: (attachment) => this.#keep(facts.id, attachment),
      ended: () => void this.#running.delete(facts.id),
    });
    this.#running.set(facts.id, running);
    this.#forgetOld();
    return running;
  }

  /** Calls back when a build begins or ends; the returned function stops that. */
  onChange(listener: (record: BuildRecord) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  has(id: string): boolean {
    return this.#running.has(id) || this.#place.history.get(id) !== undefined;
  }

  /** The latest first. */
  list(): BuildRecord[] {
    const running = [...this.#running.values()].map(({ record }) => record);
    const others = this.#place.history.list().filter(({ id }) => !this.#running.has(id));
    return [...running, ...others].sort((a, b) => (a.createdAt > b.createdAt ? -1 : 1));
  }

  /** By its id, the beginning of it, or empty for the latest. Fails with notFound, or invalid when several fit. */
  get(id: string): BuildRecord {
    const all = this.list();
    const found = id === "" ? all.slice(0, 1) : all.filter((record) => record.id.startsWith(id));
    const exact = found.find((record) => record.id === id) ?? found[0];
    if (exact === undefined) throw notFound(id === "" ? "there are no builds" : `no such build: ${id}`);
    if (found.length > 1 && exact.id !== id) throw invalid(`several builds begin with ${id}`);
    return exact;
  }

  /** All that a build has said; of one that runs, until it ends. */
  async *events(id: string, signal: AbortSignal): AsyncGenerator<TimedEvent, void> {
    const running = this.#running.get(id);
    if (running) yield* running.follow(signal);
    else yield* decodeEvents(this.#place.machine.readText(this.#log(id)) ?? "");
  }

  /** Fails with conflict while the build runs. */
  async remove(id: string): Promise<void> {
    // One that has just ended is being written.
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (this.#running.has(id)) {
      throw new IsleError("conflict", `the build ${id} is running`, { hint: "end its client first" });
    }
    await this.#forget(id);
  }

  /** A document that a build has left; undefined when no build has. */
  attachment(digest: string): string | undefined {
    const record = this.list().find(({ attachments = [] }) => attachments.some((each) => each.digest === digest));
    return record && this.#place.machine.readText(this.#document(record.id, digest));
  }

  #keep(id: string, { content, ...facts }: BuildAttachment): RecordAttachment {
    if ("digest" in content) return { ...facts, ...content };
    const digest = digestOfBytes(content.bytes);
    this.#place.machine.writeFile(this.#document(id, digest), content.bytes);
    return { ...facts, digest, sizeBytes: content.bytes.length };
  }

  async #forget(id: string): Promise<void> {
    const { history, machine } = this.#place;
    const attachments = history.get(id)?.attachments ?? [];
    history.remove(id);
    for (const path of [this.#log(id), ...attachments.map(({ digest }) => this.#document(id, digest))]) {
      await machine.removeTree(path);
    }
  }

  /** Files that a crash has left without a record. */
  #sweep(): void {
    const { history, machine, directory } = this.#place;
    for (const name of machine.listDirectory(directory)) {
      if (history.get(name.split(".", 1)[0]!) === undefined) void machine.removeTree(join(directory, name));
    }
  }

  #document(id: string, digest: string): string {
    return join(this.#place.directory, `${id}.${digest.replace("sha256:", "")}.json`);
  }

  #forgetOld(): void {
    const ended = this.list().filter(({ id }) => !this.#running.has(id));
    for (const { id } of ended.slice(Math.max(0, maxBuilds - this.#running.size))) void this.#forget(id);
  }

  #log(id: string): string {
    return join(this.#place.directory, `${id}.log`);
  }
}
