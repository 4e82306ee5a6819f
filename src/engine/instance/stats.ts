import { now } from "../../base/time.ts";
import { type InstanceRecord, isRunning, isSuspended } from "../../core/instance.ts";
import type { CgroupStats, NetworkCounters } from "../../core/machine.ts";
import type { InstanceDeps } from "./deps.ts";
import { findInstance } from "./find.ts";
import { cgroupPath } from "./instance-spec.ts";

export interface StatsSample {
  readonly record: InstanceRecord;
  readonly takenAt: string;
  /** Undefined while the instance does not run. */
  readonly cgroup: CgroupStats | undefined;
  readonly networks: readonly NetworkCounters[];
  /** CPU time of the whole host in nanoseconds. */
  readonly systemCpuNanos: number;
  readonly cpus: number;
  readonly cgroupVersion: 1 | 2;
  readonly hostMemoryBytes: number;
}

export function takeStats(deps: InstanceDeps, text: string): StatsSample {
  const record = findInstance(deps, text);
  const { facts } = deps.machine;
  const running = isRunning(record) && !isSuspended(record) ? record.state : undefined;
  return {
    record,
    takenAt: now(),
    cgroup: running ? deps.machine.cgroup(cgroupPath(deps, record)).stats() : undefined,
    networks: running?.netns ? deps.machine.networkCounters(running.pid) : [],
    systemCpuNanos: parseSystemCpu(deps.machine.readText("/proc/stat") ?? ""),
    cpus: facts.cpus,
    cgroupVersion: facts.cgroupVersion,
    hostMemoryBytes: facts.memoryBytes,
  };
}

const nanosPerTick = 10_000_000;

/** Sum of the first seven fields of /proc/stat's first line, in nanoseconds. */
export function parseSystemCpu(stat: string): number {
  const fields = stat.split("\n", 1)[0]!.trim().split(/\s+/).slice(1, 8).map(Number);
  return fields.reduce((sum, ticks) => sum + ticks, 0) * nanosPerTick;
}

/** Resolves after a second, or at once when the signal fires. */
export function oneSecond(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, 1000);
    signal.addEventListener("abort", finish);
  });
}
