import type { HostConfig } from "../../api/generated/engine-api.ts";
import { conflict, type IsleError, invalid, isCode } from "../../base/error.ts";
import { type InstanceRecord, isRunning } from "../../core/instance.ts";
import type { TerminalSize } from "../../core/runtime.ts";
import { planResources } from "../spec/resources.ts";
import { nameConflict } from "./create.ts";
import type { InstanceDeps } from "./deps.ts";
import { publishInstanceEvent } from "./events.ts";
import { findInstance, requireAwake, requireRunning, runtimeOf } from "./find.ts";
import { tagsOf } from "./join-network.ts";
import { validateHost } from "./validate-host.ts";

export async function renameInstance(deps: InstanceDeps, text: string, newName: string): Promise<void> {
  const record = findInstance(deps, text);
  const name = newName.replace(/^\//, "");
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) {
    throw invalid(
      `Error when allocating new name: Invalid container name (${newName}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    );
  }
  if (name === record.name) {
    throw invalid("Renaming a container with the same name as its current name");
  }
  try {
    const renamed = deps.instances.update(record.id, { name });
    publishInstanceEvent(deps, renamed, "rename", { oldName: `/${record.name}` });
    await retag(deps, renamed);
  } catch (error) {
    if (!isCode(error, "conflict")) throw error;
    throw conflict(`Error when allocating new name: ${nameConflict(deps, name, error as IsleError).message}`);
  }
}

/** Rules of networks go by the name of the day. */
async function retag(deps: InstanceDeps, record: InstanceRecord): Promise<void> {
  if (!isRunning(record) || record.state.endpoints.length === 0) return;
  const tags = record.state.endpoints.map(({ networkId, networkName }) => {
    return [networkId, tagsOf(record, record.networks[networkName]?.Aliases ?? [])] as const;
  });
  const endpoints = await deps.networkDriver.retag(record.id, new Map(tags));
  deps.instances.update(record.id, { state: { ...record.state, endpoints } });
}

/** Options that can change while the workload runs. */
const changeable = [
  "CpuShares",
  "Memory",
  "MemorySwap",
  "MemoryReservation",
  "CpuPeriod",
  "CpuQuota",
  "CpuRealtimePeriod",
  "CpuRealtimeRuntime",
  "CpusetCpus",
  "CpusetMems",
  "NanoCpus",
  "PidsLimit",
  "BlkioWeight",
  "RestartPolicy",
] as const satisfies ReadonlyArray<keyof HostConfig>;

export async function updateInstance(deps: InstanceDeps, text: string, change: HostConfig): Promise<string[]> {
  const { id } = findInstance(deps, text);
  return deps.locks.run(id, async () => {
    const record = findInstance(deps, id);
    const given = changeable.filter((name) => isGiven(change[name]));
    const picked = withRetryCount(Object.fromEntries(given.map((name) => [name, change[name]])));
    const host = { ...record.host, ...dropConflicting(record.host, picked), ...picked };
    if (picked.Memory && !picked.MemorySwap && (host.MemorySwap ?? 0) > 0 && host.MemorySwap! < picked.Memory) {
      throw invalid(
        "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time",
      );
    }
    const warnings = validateHost(host, deps.machine.facts);
    if (isRunning(record)) requireAwake(record);
    if (isRunning(record)) await runtimeOf(deps, record).update(id, planResources(host, deps.machine));
    const updated = deps.instances.update(id, { host });
    publishInstanceEvent(deps, updated, "update");
    return warnings;
  });
}

/** Clients send zeros for what they do not change. */
function isGiven(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Boolean((value as { Name?: string }).Name);
  return value !== undefined && value !== null && value !== 0 && value !== "";
}

const withRetryCount = (picked: HostConfig): HostConfig =>
  picked.RestartPolicy ? { ...picked, RestartPolicy: { MaximumRetryCount: 0, ...picked.RestartPolicy } } : picked;

/** CPUs as a number and as quota are two spellings of one limit. */
function dropConflicting(before: HostConfig, picked: HostConfig): HostConfig {
  if (picked.NanoCpus && (before.CpuQuota || before.CpuPeriod)) return { CpuQuota: 0, CpuPeriod: 0 };
  return (picked.CpuQuota || picked.CpuPeriod) && before.NanoCpus ? { NanoCpus: 0 } : {};
}

export function resizeInstance(deps: InstanceDeps, text: string, size: TerminalSize): void {
  const record = requireRunning(findInstance(deps, text));
  runtimeOf(deps, record).resize(record.id, size);
  publishInstanceEvent(deps, record, "resize", { height: String(size.rows), width: String(size.columns) });
}
