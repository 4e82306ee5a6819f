import type { HostConfig } from "../../api/generated/engine-api.ts";
import type { Machine, MachineFacts } from "../../core/machine.ts";
import type { OciResources } from "../../core/oci-spec.ts";

/** Limits in the OCI form. What the machine lacks was refused or warned of at create. */
export function planResources(host: HostConfig, machine: Machine): OciResources {
  const memory = planMemory(host, machine.facts);
  const cpu = planCpu(host);
  const blockIO = planBlockIo(host, machine);
  return {
    ...(Object.keys(memory).length > 0 && { memory }),
    ...(Object.keys(cpu).length > 0 && { cpu }),
    ...(Object.keys(blockIO).length > 0 && { blockIO }),
    ...(host.PidsLimit && { pids: { limit: host.PidsLimit } }),
  };
}

function planMemory(host: HostConfig, facts: MachineFacts): Record<string, number | boolean> {
  const swap = facts.swapLimit ? host.MemorySwap : undefined;
  return {
    ...(host.Memory && { limit: host.Memory }),
    ...(host.MemoryReservation && { reservation: host.MemoryReservation }),
    ...(swap && { swap }),
    ...(isSet(host.MemorySwappiness, -1) && facts.cgroupVersion === 1 && { swappiness: host.MemorySwappiness! }),
    ...(host.OomKillDisable && facts.cgroupVersion === 1 && { disableOOMKiller: true }),
  };
}

const isSet = (value: number | null | undefined, unset: number): boolean =>
  value !== null && value !== undefined && value !== unset;

const cpuPeriodMicros = 100_000;

function planCpu(host: HostConfig): Record<string, number | string> {
  const fromNano = host.NanoCpus ? { period: cpuPeriodMicros, quota: Math.round(host.NanoCpus / 10_000) } : {};
  return {
    ...fromNano,
    ...(host.CpuShares && { shares: host.CpuShares }),
    ...(host.CpuPeriod && { period: host.CpuPeriod }),
    ...(host.CpuQuota && { quota: host.CpuQuota }),
    ...(host.CpuRealtimePeriod && { realtimePeriod: host.CpuRealtimePeriod }),
    ...(host.CpuRealtimeRuntime && { realtimeRuntime: host.CpuRealtimeRuntime }),
    ...(host.CpusetCpus && { cpus: host.CpusetCpus }),
    ...(host.CpusetMems && { mems: host.CpusetMems }),
  };
}

function planBlockIo(host: HostConfig, machine: Machine): Record<string, unknown> {
  const throttle = (devices: HostConfig["BlkioDeviceReadBps"]) =>
    (devices ?? []).map(({ Path, Rate }) => ({ ...machine.blockDevice(Path ?? ""), rate: Rate ?? 0 }));
  const { blockIoWeight } = machine.facts;
  const weights = (blockIoWeight ? (host.BlkioWeightDevice ?? []) : []).map(({ Path, Weight }) => ({
    ...machine.blockDevice(Path ?? ""),
    weight: Weight ?? 0,
  }));
  const lists = {
    weightDevice: weights,
    throttleReadBpsDevice: throttle(host.BlkioDeviceReadBps),
    throttleWriteBpsDevice: throttle(host.BlkioDeviceWriteBps),
    throttleReadIOPSDevice: throttle(host.BlkioDeviceReadIOps),
    throttleWriteIOPSDevice: throttle(host.BlkioDeviceWriteIOps),
  };
  const filled = Object.entries(lists).filter(([, list]) => list.length > 0);
  return { ...(host.BlkioWeight && blockIoWeight && { weight: host.BlkioWeight }), ...Object.fromEntries(filled) };
}
