import type { ContainerStatsResponse } from "../../api/generated/engine-api.ts";
import { zeroTime } from "../../base/time.ts";
import type { CgroupStats, NetworkCounters } from "../../core/machine.ts";
import type { StatsSample } from "../../engine/instance/stats.ts";

/** One sample beside the one before it, as `GET /containers/{id}/stats` sends it. */
export function encodeStats(sample: StatsSample, before: StatsSample | undefined): ContainerStatsResponse {
  const { record, cgroup } = sample;
  return {
    name: `/${record.name}`,
    id: record.id,
    read: cgroup ? sample.takenAt : zeroTime,
    preread: before?.takenAt ?? zeroTime,
    pids_stats: cgroup ? { current: cgroup.pids, limit: cgroup.pidsLimit } : {},
    blkio_stats: encodeBlkio(cgroup),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: encodeCpu(sample),
    precpu_stats: before ? encodeCpu(before) : emptyCpu,
    memory_stats: cgroup ? encodeMemory(sample.cgroupVersion, cgroup, sample.hostMemoryBytes) : {},
    networks: encodeNetworks(sample.networks),
  } as ContainerStatsResponse;
}

const emptyCpu = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
};

function encodeCpu({ cgroup, systemCpuNanos, cpus }: StatsSample): NonNullable<ContainerStatsResponse["cpu_stats"]> {
  if (!cgroup) return emptyCpu;
  return {
    cpu_usage: {
      total_usage: cgroup.cpuTotalNanos,
      ...(cgroup.perCpuNanos.length > 0 && { percpu_usage: [...cgroup.perCpuNanos] }),
      usage_in_kernelmode: cgroup.cpuKernelNanos,
      usage_in_usermode: cgroup.cpuUserNanos,
    },
    system_cpu_usage: systemCpuNanos,
    online_cpus: cpus,
    throttling_data: {
      periods: cgroup.throttling.periods,
      throttled_periods: cgroup.throttling.throttled,
      throttled_time: cgroup.throttling.throttledNanos,
    },
  };
}

function encodeMemory(version: 1 | 2, cgroup: CgroupStats, hostBytes: number) {
  return {
    usage: cgroup.memoryBytes,
    ...(version === 1 && { max_usage: cgroup.memoryMaxBytes, failcnt: cgroup.memoryFailures }),
    stats: { ...cgroup.memoryDetails },
    // Without a limit the host's memory is the limit.
    limit: Math.min(cgroup.memoryLimitBytes || hostBytes, hostBytes),
  };
}

function encodeBlkio(cgroup: CgroupStats | undefined): NonNullable<ContainerStatsResponse["blkio_stats"]> {
  const rows = (pick: "bytes" | "ios") =>
    (cgroup?.blockIo ?? []).map((row) => ({ major: row.major, minor: row.minor, op: row.op, value: row[pick] }));
  return {
    io_service_bytes_recursive: cgroup ? rows("bytes") : null,
    io_serviced_recursive: cgroup ? rows("ios") : null,
    io_queue_recursive: null,
    io_service_time_recursive: null,
    io_wait_time_recursive: null,
    io_merged_recursive: null,
    io_time_recursive: null,
    sectors_recursive: null,
  };
}

function encodeNetworks(networks: readonly NetworkCounters[]) {
  const entries = networks.map((counters) => [
    counters.name,
    {
      rx_bytes: counters.rxBytes,
      rx_packets: counters.rxPackets,
      rx_errors: counters.rxErrors,
      rx_dropped: counters.rxDropped,
      tx_bytes: counters.txBytes,
      tx_packets: counters.txPackets,
      tx_errors: counters.txErrors,
      tx_dropped: counters.txDropped,
    },
  ]);
  return Object.fromEntries(entries) as Record<string, Record<string, number>>;
}
