import type { Resources } from "../../api/generated/engine-api.ts";
import { usageError } from "../exit.ts";
import type { FlagValues } from "../flags/flag.ts";
import type { ContainerFlags, limitFlags } from "./container-flags.ts";
import { devicePlan, throttles, ulimits, weights } from "./devices.ts";

/** Limits that `update` may change too; what was not asked for is left out. */
export function limits(flags: FlagValues<typeof limitFlags>): Resources {
  return compact({
    BlkioWeight: flags["blkio-weight"],
    CpuPeriod: flags["cpu-period"],
    CpuQuota: flags["cpu-quota"],
    CpuRealtimePeriod: flags["cpu-rt-period"],
    CpuRealtimeRuntime: flags["cpu-rt-runtime"],
    CpuShares: flags["cpu-shares"],
    CpusetCpus: flags["cpuset-cpus"],
    CpusetMems: flags["cpuset-mems"],
    Memory: flags.memory,
    MemoryReservation: flags["memory-reservation"],
    MemorySwap: flags["memory-swap"],
    NanoCpus: nanoCpus(flags.cpus),
    PidsLimit: flags["pids-limit"],
  });
}

/** Everything about resources and devices that `run` and `create` send. */
export function resources(flags: FlagValues<ContainerFlags>): Resources {
  const swappiness = flags["memory-swappiness"];
  if (swappiness !== -1 && (swappiness < 0 || swappiness > 100)) {
    throw usageError(`invalid value: ${swappiness}. Valid memory swappiness range is 0-100`);
  }
  return compact({
    ...limits(flags),
    ...devicePlan(flags.device, flags.gpus),
    BlkioDeviceReadBps: throttles(flags["device-read-bps"], "bytes"),
    BlkioDeviceReadIOps: throttles(flags["device-read-iops"], "operations"),
    BlkioDeviceWriteBps: throttles(flags["device-write-bps"], "bytes"),
    BlkioDeviceWriteIOps: throttles(flags["device-write-iops"], "operations"),
    BlkioWeightDevice: weights(flags["blkio-weight-device"]),
    CgroupParent: flags["cgroup-parent"],
    CpuCount: flags["cpu-count"],
    CpuPercent: flags["cpu-percent"],
    DeviceCgroupRules: [...flags["device-cgroup-rule"]],
    IOMaximumBandwidth: flags["io-maxbandwidth"],
    IOMaximumIOps: flags["io-maxiops"],
    MemorySwappiness: swappiness === -1 ? undefined : swappiness,
    OomKillDisable: flags["oom-kill-disable"],
    Ulimits: ulimits(flags.ulimit),
  });
}

function nanoCpus(text: string): number {
  if (text === "") return 0;
  const nanos = Number(text) * 1e9;
  if (!Number.isInteger(Number(nanos.toFixed(6)))) throw usageError(`value is too precise: ${text}`);
  return Math.round(nanos);
}

/** The object without members that say nothing: undefined, "", 0, false, empty lists and maps. */
export function compact<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => !isNothing(value))) as T;
}

function isNothing(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value === "object" && value !== null) return Object.keys(value).length === 0;
  return !value;
}
