import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { IsleError } from "../../base/error.ts";
import { start } from "../process.ts";
import { ownName, selfCommand } from "../self.ts";
import type { ConfinedReport, ConfinedRequest } from "./protocol.ts";

/** The word that makes this program the confined child. */
export const confinedCommand = "isle-confined";

export interface ConfinedOptions {
  /** Descriptor the child reads an archive from. */
  readonly inputFd?: number;
  readonly onProgress?: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

export interface ConfinedChild {
  /** Archive to the child; use it only when no `inputFd` was given. */
  readonly input: Writable;
  readonly output: Readable;
  /** What the child says before its output begins; fails as `done` does. */
  readonly ready: Promise<unknown>;
  /** The child's result once it ended. Fails with the child's error, cancelled when the signal fired. */
  readonly done: Promise<unknown>;
  kill(): void;
}

/** Starts a child that does one request within a root it cannot leave. */
export function startConfined(request: ConfinedRequest, options: ConfinedOptions = {}): ConfinedChild {
  const { program, args } = selfCommand();
  const child = start(program, [...args, confinedCommand, JSON.stringify(request)], {
    stdio: [options.inputFd ?? "pipe", "pipe", "pipe", "pipe"],
    env: {},
    argv0: ownName,
  });
  const kill = () => void child.kill("SIGKILL");
  options.signal?.addEventListener("abort", kill, { once: true });
  child.stdin?.on("error", () => {});
  const reports = followReports(child, options);
  reports.done.catch(() => {}).finally(() => options.signal?.removeEventListener("abort", kill));
  return { input: child.stdin!, output: child.stdout!, kill, ...reports };
}

function followReports(
  child: ChildProcess,
  { onProgress, signal }: ConfinedOptions,
): { ready: Promise<unknown>; done: Promise<unknown> } {
  const ready = Promise.withResolvers<unknown>();
  const done = Promise.withResolvers<unknown>();
  let last: ConfinedReport | undefined;
  let complaints = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    complaints = (complaints + text).slice(-2000);
  });
  const lines = createInterface({ input: child.stdio[3] as Readable });
  lines.on("line", (line) => {
    const report = JSON.parse(line) as ConfinedReport;
    if ("progress" in report) onProgress?.(report.progress);
    else if ("ready" in report) ready.resolve(report.ready);
    else last = report;
  });
  const settle = (failure?: unknown): void => {
    const outcome = failure ?? failureOf(last, { complaints, aborted: signal?.aborted ?? false });
    if (outcome === undefined) done.resolve(last && "done" in last ? last.done : undefined);
    else done.reject(outcome);
    ready.reject(outcome ?? new IsleError("internal", "the confined child said nothing"));
  };
  const closed = Promise.all([
    new Promise<void>((resolve) => child.once("exit", () => resolve())),
    new Promise<void>((resolve) => lines.once("close", () => resolve())),
  ]);
  void closed.then(() => settle());
  child.once("error", settle);
  ready.promise.catch(() => {});
  done.promise.catch(() => {});
  return { ready: ready.promise, done: done.promise };
}

function failureOf(
  last: ConfinedReport | undefined,
  { complaints, aborted }: { complaints: string; aborted: boolean },
): unknown {
  if (last && "done" in last) return undefined;
  if (last && "failed" in last) return new IsleError(last.failed.code, last.failed.message);
  if (aborted) return new IsleError("cancelled", "the work on the archive was cancelled");
  return new IsleError("internal", `the confined child ended early: ${complaints.trim() || "killed"}`);
}
