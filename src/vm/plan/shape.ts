import { invalid } from "../../base/error.ts";
import type { OciResources, OciSpec } from "../../core/oci-spec.ts";
import { annotation } from "../annotations.ts";
import type { MachineLimits } from "../cgroup.ts";
import { type MachineShape, templateShape } from "../qemu/arguments.ts";

const defaultMemoryMiB = 512;
/** What the guest's kernel and agent take of a machine's memory. */
export const guestOverheadMiB = 96;
/** What QEMU takes beside the guest's memory. */
const hostOverheadMiB = 288;
const mebi = 2 ** 20;
const mostNetworks = 8;

type Processor = Pick<MachineShape, "acceleration" | "counterKhz">;

/** The most common one, for which there is a template most likely. */
export const helperShape = (processor: Processor): MachineShape => ({
  cpus: 1,
  memoryMiB: defaultMemoryMiB,
  ...templateShape,
  ...processor,
});

/** A machine that is large enough for the container's limits, in few sizes, so that templates are used again. */
export function planShape(spec: OciSpec, given: Processor & Pick<MachineShape, "shared">): MachineShape {
  const { cpu } = spec.linux.resources ?? {};
  const quota = Number(cpu?.["quota"] ?? 0);
  const period = Number(cpu?.["period"] ?? 100_000);
  const cpus = number(annotation(spec, "vcpus"), "vcpus", 64) ?? (quota > 0 ? Math.ceil(quota / period) : 1);
  const networks = number(annotation(spec, "networks"), "networks", mostNetworks) ?? 1;
  return { cpus, memoryMiB: memoryOf(spec), networks, ...given };
}

function memoryOf(spec: OciSpec): number {
  const asked = number(annotation(spec, "memory"), "memory", 1 << 20);
  if (asked !== undefined) {
    if (asked < 128) throw invalid("annotation isle.vm.memory: a guest needs 128 MiB at least");
    return asked;
  }
  const limit = limitBytes(spec);
  if (limit === undefined) return defaultMemoryMiB;
  const needed = Math.ceil(limit / mebi) + guestOverheadMiB;
  return needed <= defaultMemoryMiB ? defaultMemoryMiB : Math.ceil(needed / 256) * 256;
}

function limitBytes({ linux }: OciSpec): number | undefined {
  const limit = Number(linux.resources?.memory?.["limit"] ?? 0);
  return limit > 0 ? limit : undefined;
}

function number(text: string | undefined, name: string, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > most) {
    throw invalid(`annotation isle.vm.${name}: want a number from 1 to ${most}, got ${text}`);
  }
  return value;
}

/** The container's limits for what runs it on the host. A limit of memory holds the guest's, and QEMU beside it. */
export function planLimits(spec: OciSpec): MachineLimits {
  const memory = limitBytes(spec) === undefined ? undefined : memoryOf(spec);
  return machineLimits(spec.linux.resources ?? {}, memory);
}

/** Of a machine whose memory is limited, or not when there is no size. */
export function machineLimits({ cpu }: OciResources, memoryMiB: number | undefined): MachineLimits {
  const value = (name: string): number | undefined => {
    const given = Number(cpu?.[name] ?? 0);
    return given > 0 ? given : undefined;
  };
  return {
    memoryBytes: memoryMiB === undefined ? undefined : (memoryMiB + hostOverheadMiB) * mebi,
    cpuPeriod: value("period"),
    cpuQuota: value("quota"),
    cpuShares: value("shares"),
    cpus: cpu?.["cpus"] as string | undefined,
  };
}
