import { invalid, messageOf, unsupported } from "../../base/error.ts";
import { parseDuration } from "../../base/time.ts";
import { type InstanceMount, type InstanceRecord, isSuspended } from "../../core/instance.ts";
import type { Isolation } from "../../core/runtime.ts";
import type { InstanceDeps } from "./deps.ts";
import { runtimeOf } from "./find.ts";
import { cgroupPath } from "./instance-spec.ts";
import { resumeSuspended, suspendAfterLabel } from "./resume.ts";
import { suspendInstance } from "./suspend.ts";

const nanosPerMs = 1e6;
const leastMs = 1000;
const looks = { perPeriod: 4, mostMs: 15_000 };
/** A guest that does nothing keeps its clock, which takes some of a processor under emulation. */
const idleShare = 0.08;
/** Answers to neighbours that look whether it is there. */
const idlePackets = 2;

/** Milliseconds, undefined for an instance that is not to be suspended. */
export function suspendAfterMs(labels: Readonly<Record<string, string | null>> | null | undefined): number | undefined {
  const text = labels?.[suspendAfterLabel];
  if (!text) return undefined;
  const milliseconds = parseDuration(text) / nanosPerMs;
  if (milliseconds >= leastMs) return milliseconds;
  throw invalid(`label ${suspendAfterLabel}: want at least 1s, got ${text}`);
}

/** Refuses the wish where it could never be carried out. */
export function checkSuspendAfter(
  labels: Readonly<Record<string, string | null>> | null | undefined,
  isolation: Isolation,
  mounts: readonly InstanceMount[],
): void {
  if (suspendAfterMs(labels) === undefined) return;
  if (isolation !== "microvm") {
    throw unsupported(`a ${isolation} cannot be suspended when it is idle: only microVMs can be saved`, {
      hint: "run it with --isolation microvm",
    });
  }
  const shared = mounts.find(({ type }) => type !== "tmpfs");
  if (shared) throw unsupported(`a microVM with volumes or binds cannot be suspended: ${shared.target}`);
}

interface Sample {
  readonly at: number;
  readonly cpuNanos: number;
  readonly packets: number;
}

/** Suspends instances that are idle for as long as they say, and wakes them when something is sent to them. */
export class IdleMonitor {
  readonly #watched = new Map<string, ReturnType<typeof setInterval>>();
  readonly #asleep = new Map<string, { close(): void }>();

  /** Begins anew with an instance that runs. */
  watch(deps: InstanceDeps, record: InstanceRecord): void {
    this.unwatch(record.id);
    const after = suspendAfterMs(record.config.Labels);
    if (after === undefined) return;
    let [last, busyAt] = [sampleOf(deps, record), Date.now()];
    const look = () => {
      try {
        lookNow();
      } catch (error) {
        // It is ending, of which others tell.
        deps.log.debug("an instance could not be looked at", { instance: record.id, error: messageOf(error) });
      }
    };
    const lookNow = () => {
      const present = deps.instances.get(record.id);
      if (present?.state.status !== "running") {
        busyAt = Date.now();
        return;
      }
      const now = sampleOf(deps, present);
      if (isBusy(deps, present, last, now)) busyAt = now.at;
      last = now;
      if (now.at - busyAt >= after) this.#suspend(deps, record.id);
    };
    const timer = setInterval(look, Math.min(after / looks.perPeriod, looks.mostMs)).unref();
    this.#watched.set(record.id, timer);
  }

  /** Stands in for an instance that was suspended because it was idle. */
  watchAsleep(deps: InstanceDeps, record: InstanceRecord): void {
    this.unwatch(record.id);
    if (!isSuspended(record) || !record.state.suspended.wakes || !record.state.netns) return;
    let arrived = false;
    const watch = runtimeOf(deps, record).saving?.watchArrivals(record.state.netns, () => {
      if (arrived) return;
      arrived = true;
      void resumeSuspended(deps, record.id).catch((error: unknown) =>
        deps.log.warn("waking a suspended microVM failed", { instance: record.id, error: messageOf(error) }),
      );
    });
    if (watch) this.#asleep.set(record.id, watch);
  }

  unwatch(id: string): void {
    clearInterval(this.#watched.get(id));
    this.#watched.delete(id);
    this.#asleep.get(id)?.close();
    this.#asleep.delete(id);
  }

  close(): void {
    for (const id of [...this.#watched.keys(), ...this.#asleep.keys()]) this.unwatch(id);
  }

  #suspend(deps: InstanceDeps, id: string): void {
    // Looked at again when it runs again, or when this came to nothing.
    this.unwatch(id);
    void suspendInstance(deps, id, { wakes: true }).catch((error: unknown) => {
      deps.log.info("an idle microVM was not suspended", { instance: id, error: messageOf(error) });
      const record = deps.instances.get(id);
      if (record?.state.status === "running") this.watch(deps, record);
    });
  }
}

function sampleOf(deps: InstanceDeps, record: InstanceRecord): Sample {
  const pid = "pid" in record.state ? record.state.pid : 0;
  const links = deps.machine.networkCounters(pid).filter(({ name }) => !/^(lo|isle\d+)$/.test(name));
  return {
    at: Date.now(),
    cpuNanos: deps.machine.cgroup(cgroupPath(deps, record)).stats().cpuTotalNanos,
    packets: links.reduce((sum, { txPackets }) => sum + txPackets, 0),
  };
}

function isBusy(deps: InstanceDeps, { id }: InstanceRecord, last: Sample, now: Sample): boolean {
  if (deps.execs.idsOf(id).length > 0 || deps.attached.has(id)) return true;
  if (now.packets - last.packets > idlePackets) return true;
  return now.cpuNanos - last.cpuNanos > idleShare * (now.at - last.at) * nanosPerMs;
}
