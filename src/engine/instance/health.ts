import type { HealthConfig } from "../../api/generated/engine-api.ts";
import { invalid, messageOf } from "../../base/error.ts";
import { now } from "../../base/time.ts";
import { type HealthProbe, type InstanceHealth, type InstanceRecord, isRunning } from "../../core/instance.ts";
import type { InstanceDeps } from "./deps.ts";
import { publishInstanceEvent } from "./events.ts";
import { runInInstance } from "./exec.ts";
import { endProcess } from "./stop.ts";

const nanosPerMs = 1e6;
const defaults = { intervalMs: 30_000, timeoutMs: 30_000, startIntervalMs: 5_000, retries: 3 };
const maxOutputBytes = 4096;
const keptProbes = 5;
/** Label with which an instance asks to be restarted, by its policy, once it is unhealthy. */
export const restartUnhealthyLabel = "isle.restart-unhealthy";

export function validateHealthcheck(health: HealthConfig | null | undefined): void {
  const minNanos = nanosPerMs;
  const kind = health?.Test?.[0];
  if (kind !== undefined && !["NONE", "CMD", "CMD-SHELL", ""].includes(kind)) {
    throw invalid(`Unknown type '${kind}' in HEALTHCHECK (try CMD)`);
  }
  for (const name of ["Interval", "Timeout", "StartPeriod", "StartInterval"] as const) {
    const value = health?.[name] ?? 0;
    if (value !== 0 && value < minNanos) throw invalid(`${name} in Healthcheck cannot be less than 1ms`);
  }
  if ((health?.Retries ?? 0) < 0) throw invalid("Retries in Healthcheck cannot be negative");
}

/** The probe's command, undefined without a health check. */
export function probeCommand({ config }: InstanceRecord): string[] | undefined {
  const [kind, ...rest] = config.Healthcheck?.Test ?? [];
  if (kind === "CMD") return rest;
  if (kind !== "CMD-SHELL") return undefined;
  return [...(config.Shell?.length ? config.Shell : ["/bin/sh", "-c"]), rest[0] ?? ""];
}

/** Probes running instances that have a health check. */
export class HealthMonitor {
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();

  /** Begins anew with `starting`, or goes on from the recorded health after the daemon was away. */
  watch(deps: InstanceDeps, record: InstanceRecord, resume = false): void {
    const command = probeCommand(record);
    if (!command) return;
    this.unwatch(record.id);
    if (!resume) {
      const health: InstanceHealth = { status: "starting", failingStreak: 0, log: [] };
      deps.instances.update(record.id, { health });
    }
    this.#schedule(deps, record.id, command);
  }

  unwatch(id: string): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  close(): void {
    for (const id of [...this.#timers.keys()]) this.unwatch(id);
  }

  #schedule(deps: InstanceDeps, id: string, command: string[]): void {
    const record = deps.instances.get(id);
    if (!record || !isRunning(record)) return;
    const timer = setTimeout(() => {
      void this.#probe(deps, id, command)
        .catch((error: unknown) => deps.log.error("a health probe failed", { instance: id, error: messageOf(error) }))
        .finally(() => {
          // Unwatched meanwhile: the timer of that time is no longer ours.
          if (this.#timers.get(id) === timer) this.#schedule(deps, id, command);
        });
    }, delayMs(record));
    this.#timers.set(id, timer);
  }

  async #probe(deps: InstanceDeps, id: string, command: string[]): Promise<void> {
    const record = deps.instances.get(id);
    if (record?.state.status !== "running" || !record.health) return;
    const probe = await runProbe(deps, record, command);
    const after = deps.instances.get(id);
    if (!after?.health || !isRunning(after)) return;
    const health = nextHealth(after, probe);
    deps.instances.update(id, { health });
    if (health.status === after.health.status) return;
    publishInstanceEvent(deps, after, `health_status: ${health.status}`);
    if (health.status === "unhealthy") await restartUnhealthy(deps, after);
  }
}

function delayMs(record: InstanceRecord): number {
  const { Interval, StartInterval } = record.config.Healthcheck ?? {};
  const starting = record.health?.status === "starting" && inStartPeriod(record, Date.now());
  const [nanos, otherwise] = starting ? [StartInterval, defaults.startIntervalMs] : [Interval, defaults.intervalMs];
  const usual = Interval ? Interval / nanosPerMs : defaults.intervalMs;
  return starting ? Math.min(nanos ? nanos / nanosPerMs : otherwise, StartInterval ? Infinity : usual) : usual;
}

function inStartPeriod(record: InstanceRecord, atMs: number): boolean {
  const periodMs = (record.config.Healthcheck?.StartPeriod ?? 0) / nanosPerMs;
  return isRunning(record) && atMs - Date.parse(record.state.startedAt) < periodMs;
}

async function runProbe(deps: InstanceDeps, record: InstanceRecord, command: string[]): Promise<HealthProbe> {
  const start = now();
  const timeoutMs = (record.config.Healthcheck?.Timeout ?? 0) / nanosPerMs || defaults.timeoutMs;
  try {
    const result = await runInInstance(deps, record, command, { timeoutMs, maxBytes: maxOutputBytes });
    return { start, end: now(), ...result };
  } catch (error) {
    const output = /in time/.test(messageOf(error))
      ? `Health check exceeded timeout (${timeoutMs}ms)`
      : messageOf(error);
    return { start, end: now(), exitCode: -1, output };
  }
}

/** Health after one more probe: a success heals, failures count outside the start period. */
export function nextHealth(record: InstanceRecord, probe: HealthProbe): InstanceHealth {
  const before = record.health!;
  const log = [...before.log, probe].slice(-keptProbes);
  if (probe.exitCode === 0) return { status: "healthy", failingStreak: 0, log };
  if (before.status === "starting" && inStartPeriod(record, Date.parse(probe.start))) return { ...before, log };
  const failingStreak = before.failingStreak + 1;
  const retries = record.config.Healthcheck?.Retries || defaults.retries;
  return { status: failingStreak >= retries ? "unhealthy" : before.status, failingStreak, log };
}

/** Kills the workload without noting a stop by hand, so that its restart policy brings it back. */
async function restartUnhealthy(deps: InstanceDeps, record: InstanceRecord): Promise<void> {
  const wanted = ["true", "1"].includes(record.config.Labels?.[restartUnhealthyLabel] ?? "");
  if (!wanted || record.host.RestartPolicy?.Name === "no") return;
  const timeoutSeconds = record.config.StopTimeout ?? deps.settings.stopTimeoutSeconds;
  await endProcess(deps, record.id, { signal: 15, timeoutSeconds });
}
