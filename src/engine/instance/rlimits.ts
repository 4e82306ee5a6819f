import type { HostConfig } from "../../api/generated/engine-api.ts";
import type { OciProcess } from "../../core/oci-spec.ts";
import type { InstanceDeps } from "./deps.ts";

const unlimited = 2 ** 63;

/** Resource limits of the process: the engine's defaults under the given ones, within what the engine may give. */
export function planRlimits({ settings, machine }: InstanceDeps, host: HostConfig): NonNullable<OciProcess["rlimits"]> {
  const limits = new Map(Object.entries(settings.defaultUlimits));
  for (const { Name, Soft, Hard } of host.Ulimits ?? []) limits.set(Name ?? "", { soft: Soft ?? 0, hard: Hard ?? 0 });
  return [...limits].map(([name, { soft, hard }]) => {
    const type = `RLIMIT_${name.toUpperCase()}`;
    const bound = machine.facts.mayRaiseLimits ? unlimited : (machine.facts.hardLimits[type] ?? unlimited);
    return { type, soft: clamp(soft, bound), hard: clamp(hard, bound) };
  });
}

/** -1 stands for no limit. JSON has no room for 2^64 - 1, so the largest exact number below 2^63 does. */
const clamp = (value: number, bound: number): number =>
  Math.min(value < 0 ? unlimited : value, bound, Number.MAX_SAFE_INTEGER);
