import { conflict, IsleError, isCode } from "../../base/error.ts";
import { parseSignal } from "../../base/signals.ts";
import { type InstanceRecord, isRunning, isSuspended } from "../../core/instance.ts";
import type { InstanceDeps } from "./deps.ts";
import { publishInstanceEvent } from "./events.ts";
import { findInstance, requireAwake, runtimeOf } from "./find.ts";
import { resumeSuspended } from "./resume.ts";
import { discardSaved } from "./saved-state.ts";

export interface StopOptions {
  readonly signal?: string | undefined;
  /** Seconds before the kill; -1 waits for ever. */
  readonly timeoutSeconds?: number | undefined;
}

const sigKill = 9;
/** A killed process ends at once, but on a machine that is full of work its end may be told late. */
const killPatienceSeconds = 30;

/** Asks the workload to end, kills it when it does not in time, and returns when it has ended. */
export async function stopInstance(deps: InstanceDeps, text: string, options: StopOptions): Promise<void> {
  const record = findInstance(deps, text);
  if (record.state.status === "restarting") {
    if (await stopRestarting(deps, record.id)) return;
    // It came back before its restart could be called off.
    return stopInstance(deps, record.id, options);
  }
  if (!isRunning(record)) throw new IsleError("notModified", `container ${record.id} is already stopped`);
  // It is asked to end, for which it must run.
  if (isSuspended(record)) await resumeSuspended(deps, record.id);
  deps.instances.update(record.id, { stoppedByHand: true });
  const signal = parseSignal(options.signal || record.config.StopSignal || "SIGTERM");
  const timeoutSeconds = options.timeoutSeconds ?? record.config.StopTimeout ?? deps.settings.stopTimeoutSeconds;
  await endProcess(deps, record.id, { signal, timeoutSeconds });
  publishInstanceEvent(deps, record, "stop");
}

/** False when the instance runs again. */
function stopRestarting(deps: InstanceDeps, id: string): Promise<boolean> {
  return deps.locks.run(id, async () => {
    const record = findInstance(deps, id);
    if (isRunning(record)) return false;
    deps.restarts.cancel(id);
    const { state } = record;
    if (state.status !== "restarting") return true;
    deps.instances.update(id, { stoppedByHand: true, state: { ...state, status: "exited" } });
    deps.signals.emit({ kind: "exited", id, exitCode: state.exitCode });
    return true;
  });
}

/** Signals, waits, kills. Quiet when the workload ended by itself meanwhile. */
export async function endProcess(
  deps: InstanceDeps,
  id: string,
  { signal, timeoutSeconds }: { signal: number; timeoutSeconds: number },
): Promise<void> {
  const over = new AbortController();
  const ended = deps.signals.next(id, ["exited", "removed", "failed"], over.signal).catch(() => undefined);
  try {
    await sendSignal(deps, id, signal);
    if (timeoutSeconds < 0) return void (await ended);
    if (signal !== sigKill) {
      if (await endedWithin(ended, timeoutSeconds)) return;
      await sendSignal(deps, id, sigKill);
    }
    for (let second = 0; second < killPatienceSeconds; second += 1) {
      if (await endedWithin(ended, 1)) return;
      tellLostExit(deps, id);
    }
  } finally {
    over.abort();
  }
  throw new IsleError("internal", `container ${id} did not end within ${killPatienceSeconds} s of SIGKILL`, {
    hint: "its processes may be waiting for a device or a network file system",
  });
}

/** The process is gone and its supervisor does not say so: it was killed too, or its files were removed. */
function tellLostExit(deps: InstanceDeps, id: string): void {
  const record = deps.instances.get(id);
  if (!record || !isRunning(record) || deps.machine.processAlive(record.state.pid, record.state.pidStart)) return;
  deps.log.warn("the end of a killed instance was not told", { instance: id });
  deps.exits.tell(id, 128 + sigKill);
}

/** True when it ended in time. */
function endedWithin(ended: Promise<unknown>, seconds: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), seconds * 1000);
    void ended.then(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

/** Sends a signal to the first process; a paused one is woken after it, so that it can act. */
async function sendSignal(deps: InstanceDeps, id: string, signal: number): Promise<void> {
  await deps.locks.run(id, async () => {
    const record = deps.instances.get(id);
    if (!record || !isRunning(record)) return;
    if (isSuspended(record)) {
      publishInstanceEvent(deps, record, "kill", { signal: String(signal) });
      return discardSaved(deps, record, 128 + signal);
    }
    const runtime = runtimeOf(deps, record);
    await runtime.kill(id, signal).catch((error: unknown) => {
      if (!isCode(error, "conflict")) throw error;
    });
    publishInstanceEvent(deps, record, "kill", { signal: String(signal) });
    if (record.state.status === "paused") await wake(deps, record);
  });
}

async function wake(deps: InstanceDeps, record: InstanceRecord): Promise<void> {
  await runtimeOf(deps, record).resume(record.id);
  if (isRunning(record)) deps.instances.update(record.id, { state: { ...record.state, status: "running" } });
}

export async function killInstance(deps: InstanceDeps, text: string, signalText: string): Promise<void> {
  const record = findInstance(deps, text);
  const signal = parseSignal(signalText || "SIGKILL");
  if (!isRunning(record)) {
    throw conflict(`cannot kill container: ${text}: container ${record.id} is not running`);
  }
  if (signal !== sigKill) requireAwake(record);
  const stopSignal = parseSignal(record.config.StopSignal || "SIGTERM");
  if (signal === sigKill || signal === stopSignal) deps.instances.update(record.id, { stoppedByHand: true });
  if (signal === sigKill) await endProcess(deps, record.id, { signal, timeoutSeconds: 10 });
  else await sendSignal(deps, record.id, signal);
}
