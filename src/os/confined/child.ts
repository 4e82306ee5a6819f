import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import { createInterface } from "node:readline";
import { IsleError } from "../../base/error.ts";
import { FramedReader, framedStreams } from "../../base/framed-streams.ts";
import { start } from "../process.ts";
import { ownName, selfCommand } from "../self.ts";
import type { ConfinedReport, ConfinedRequest } from "./protocol.ts";

/** The word that makes this program the confined child. */
const confinedCommand = "isle-confined";

export interface RequestOptions {
  readonly onProgress?: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

/** What a child says of one request. */
export interface Answer {
  /** What it says before its archive begins; fails as `done` does. */
  readonly ready: Promise<unknown>;
  /** The result. Fails with the child's error, cancelled when the signal fired; the child is gone then. */
  readonly done: Promise<unknown>;
}

interface Task extends RequestOptions {
  readonly ready: PromiseWithResolvers<unknown>;
  readonly done: PromiseWithResolvers<unknown>;
}

/** A process of this program that does one request after the other, each within a root that it cannot leave. */
export class ConfinedChild {
  readonly #process: ChildProcess;
  readonly #archives: FramedReader;
  readonly #over: Promise<unknown>;
  #task: Task | undefined;
  #failed: unknown;
  #complaints = "";

  constructor() {
    const { program, args } = selfCommand();
    const child = start(program, [...args, confinedCommand], {
      stdio: ["pipe", "pipe", "pipe", "pipe"],
      env: {},
      argv0: ownName,
    });
    this.#process = child;
    this.#archives = new FramedReader(child.stdout!);
    child.stdin!.on("error", () => {});
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#complaints = (this.#complaints + text).slice(-2000);
    });
    this.#over = this.#listen(child.stdio[3] as Socket);
  }

  get isAlive(): boolean {
    return this.#failed === undefined;
  }

  perform(request: ConfinedRequest, options: RequestOptions = {}): Answer {
    const task = { ...options, ready: Promise.withResolvers<unknown>(), done: Promise.withResolvers<unknown>() };
    for (const { promise } of [task.ready, task.done]) promise.catch(() => {});
    this.#task = task;
    const kill = () => this.kill();
    options.signal?.addEventListener("abort", kill, { once: true });
    task.done.promise.catch(() => {}).finally(() => options.signal?.removeEventListener("abort", kill));
    if (this.#failed === undefined) (this.#process.stdio[3] as Socket).write(`${JSON.stringify(request)}\n`);
    else this.#settle({ error: this.#failed });
    return { ready: task.ready.promise, done: task.done.promise };
  }

  /** Hands an archive to the child. Returns early when the child gives up; fails when the source does. */
  async feed(source: AsyncIterable<Uint8Array>): Promise<void> {
    const input = this.#process.stdin!;
    for await (const bytes of framedStreams([source])) {
      if (!this.isAlive || input.destroyed) return;
      if (!input.write(bytes)) await Promise.race([once(input, "drain"), this.#over]).catch(() => {});
    }
  }

  /** The archive that the child writes. */
  archive(): AsyncGenerator<Uint8Array, void> {
    return this.#archives.next();
  }

  kill(): void {
    this.#process.kill("SIGKILL");
  }

  /** Lasts until the child has ended and said its last. */
  #listen(reports: Socket): Promise<void> {
    reports.on("error", () => {});
    const lines = createInterface({ input: reports });
    lines.on("line", (line) => this.#hear(JSON.parse(line) as ConfinedReport));
    return Promise.all([once(this.#process, "exit"), once(lines, "close")]).then(
      () =>
        this.#end(new IsleError("internal", `the confined child ended early: ${this.#complaints.trim() || "killed"}`)),
      (error: unknown) => this.#end(error),
    );
  }

  #hear(report: ConfinedReport): void {
    if ("progress" in report) this.#task?.onProgress?.(report.progress);
    else if ("ready" in report) this.#task?.ready.resolve(report.ready);
    else if ("done" in report) this.#settle({ result: report.done });
    else this.#failed = new IsleError(report.failed.code, report.failed.message);
  }

  #end(error: unknown): void {
    this.#failed ??= this.#task?.signal?.aborted
      ? new IsleError("cancelled", "the work on the archive was cancelled")
      : error;
    this.#settle({ error: this.#failed });
  }

  #settle(outcome: { result: unknown } | { error: unknown }): void {
    const task = this.#task;
    this.#task = undefined;
    if (!task) return;
    if ("result" in outcome) task.done.resolve(outcome.result);
    else task.done.reject(outcome.error);
    task.ready.reject(
      "error" in outcome ? outcome.error : new IsleError("internal", "the confined child said nothing"),
    );
  }
}
