import { invalid } from "../../base/error.ts";
import { isRunning } from "../../core/instance.ts";
import type { InstanceDeps } from "./deps.ts";
import { findInstance } from "./find.ts";
import type { InstanceSignal } from "./signals.ts";

export type WaitCondition = "not-running" | "next-exit" | "removed";

export interface WaitResult {
  readonly exitCode: number;
  readonly error?: string;
}

export function parseWaitCondition(text: string | undefined): WaitCondition {
  if (text === undefined || text === "") return "not-running";
  if (text === "not-running" || text === "next-exit" || text === "removed") return text;
  throw invalid(`invalid condition: "${text}"`);
}

/** Begins to wait at once; the result settles when the condition holds. */
export function waitForInstance(
  deps: InstanceDeps,
  text: string,
  condition: WaitCondition,
  signal: AbortSignal,
): Promise<WaitResult> {
  const record = findInstance(deps, text);
  const { state, id } = record;
  if (condition === "not-running" && !isRunning(record) && state.status !== "restarting") {
    return Promise.resolve({ exitCode: exitCodeOf(state), ...errorOf(state) });
  }
  if (condition === "removed") return untilRemoved(deps, id, exitCodeOf(state), signal);
  // A start that fails while it is under way leaves an instance that does not run.
  return untilExit(
    deps,
    id,
    condition === "next-exit" ? ["exited", "removed"] : ["exited", "removed", "failed"],
    signal,
  );
}

const exitCodeOf = (state: { exitCode?: number } | object): number => ("exitCode" in state ? (state.exitCode ?? 0) : 0);

const errorOf = (state: object): { error?: string } =>
  "error" in state && state.error ? { error: String(state.error) } : {};

async function untilExit(
  deps: InstanceDeps,
  id: string,
  kinds: readonly InstanceSignal["kind"][],
  signal: AbortSignal,
): Promise<WaitResult> {
  const { exitCode = 0 } = await deps.signals.next(id, kinds, signal);
  await deps.attached.drained(id);
  return { exitCode };
}

/** The removal follows the exit, whose code is the answer. */
async function untilRemoved(deps: InstanceDeps, id: string, before: number, signal: AbortSignal): Promise<WaitResult> {
  let exitCode = before;
  const off = deps.signals.on(id, (event) => {
    if (event.kind === "exited") exitCode = event.exitCode ?? exitCode;
  });
  try {
    await deps.signals.next(id, ["removed"], signal);
    await deps.attached.drained(id);
    return { exitCode };
  } finally {
    off();
  }
}
