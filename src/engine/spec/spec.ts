import type { InstanceRecord } from "../../core/instance.ts";
import type { Machine } from "../../core/machine.ts";
import type { IdMapping, OciDevice, OciMount, OciProcess, OciSpec } from "../../core/oci-spec.ts";
import { planDevices } from "./devices.ts";
import { planMounts } from "./mounts.ts";
import { planResources } from "./resources.ts";

export interface SpecInput {
  readonly record: InstanceRecord;
  readonly rootPath: string;
  readonly process: OciProcess;
  /** Binds, volumes and tmpfs of the user. */
  readonly mounts: readonly OciMount[];
  readonly files: readonly OciMount[];
  readonly namespaces: ReadonlyArray<{ type: string; path?: string }>;
  readonly shm: { readonly bytes: number } | { readonly bind: string } | "none";
  readonly cgroupsPath: string;
  readonly seccomp: object | undefined;
  readonly sysctl: Readonly<Record<string, string>>;
  readonly rootPropagation: string;
  readonly unmasked: boolean;
  readonly idMappings?: readonly IdMapping[];
}

/** Paths through which a workload could learn about or change the host's kernel. */
export const maskedPaths = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];
export const readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/** The whole OCI configuration of an instance; no look-up happens here but of devices. */
export function planSpec(input: SpecInput, machine: Machine): OciSpec {
  const { config, host } = input.record;
  const privileged = host.Privileged ?? false;
  const { devices, rules } = planDevices(host, machine);
  const hostUts = !input.namespaces.some(({ type }) => type === "uts");
  return {
    ociVersion: "1.0.2",
    process: input.process,
    root: { path: input.rootPath, readonly: host.ReadonlyRootfs ?? false },
    ...(!hostUts && { hostname: config.Hostname ?? "" }),
    mounts: planMounts({
      user: input.mounts,
      files: input.files,
      shm: input.shm,
      privileged,
    }),
    annotations: annotationsOf(host.Annotations),
    linux: {
      namespaces: [...input.namespaces],
      devices: devices.filter(notMadeByRuntime),
      cgroupsPath: input.cgroupsPath,
      resources: { devices: rules, ...planResources(host, machine) },
      ...(input.seccomp && { seccomp: input.seccomp }),
      maskedPaths: input.unmasked ? [] : [...(host.MaskedPaths ?? maskedPaths)],
      readonlyPaths: input.unmasked ? [] : [...(host.ReadonlyPaths ?? readonlyPaths)],
      sysctl: { ...input.sysctl },
      rootfsPropagation: input.rootPropagation,
    },
  };
}

const annotationsOf = (given: Record<string, string | null> | null | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries(given ?? {}).map(([key, value]) => [key, value ?? ""]));

const made = new Set(["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/ptmx"]);
const notMadeByRuntime = ({ path }: OciDevice): boolean => !made.has(path) && !path.startsWith("/dev/pts/");
