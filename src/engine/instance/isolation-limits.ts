import type { HostConfig } from "../../api/generated/engine-api.ts";
import { unsupported } from "../../base/error.ts";
import type { Isolation } from "../../core/runtime.ts";

type Limit = readonly [applies: unknown, what: string];

/** Refuses what an isolation cannot do by its nature. Returns warnings for what it leaves without effect. */
export function checkIsolation(host: HostConfig, isolation: Isolation): string[] {
  if (isolation === "container") return [];
  const refused = ownKernelRefusals(host).find(([applies]) => applies);
  if (refused) {
    const text = `isolation ${isolation} cannot ${refused[1]}`;
    throw unsupported(text, { hint: "use isolation container for this workload" });
  }
  if (isolation === "microvm") return microvmWarnings(host).flatMap(([applies, what]) => (applies ? [what] : []));
  return sandboxWarnings(host)
    .filter(([applies]) => applies)
    .map(([, what]) => `gVisor ${what}`);
}

/** Nothing of another instance or of the host can be part of a kernel and a network stack of its own. */
function ownKernelRefusals(host: HostConfig): Limit[] {
  return [
    [host.NetworkMode === "host", "use the network of the host (--network host)"],
    [host.NetworkMode?.startsWith("container:"), "share the network of another container (--network container:)"],
    [host.PidMode, `share processes with others (--pid ${host.PidMode})`],
    [/^(host|container:)/.test(host.IpcMode ?? ""), `share IPC with others (--ipc ${host.IpcMode})`],
    [host.UTSMode, "share the host's name (--uts host)"],
    [host.Devices?.length, "use devices of the host (--device)"],
    [host.DeviceCgroupRules?.length, "use devices of the host (--device-cgroup-rule)"],
  ];
}

const mostMicrovmNetworks = 8;

/** A microVM has the network interfaces that it was started with. */
export function checkNetworkCount(isolation: Isolation, networks: Iterable<string>): void {
  const count = new Set(networks).size;
  if (isolation !== "microvm" || count <= mostMicrovmNetworks) return;
  throw unsupported(`isolation microvm cannot be on more than ${mostMicrovmNetworks} networks, not on ${count}`, {
    hint: "give it fewer networks, or use isolation container for this workload",
  });
}

export function refuseLiveConnect(isolation: Isolation, instance: string, network: string): void {
  if (isolation !== "microvm") return;
  throw unsupported(`a microVM that runs cannot be connected to a further network (${instance} to ${network})`, {
    hint: `stop ${instance}, connect it, and start it again`,
  });
}

function microvmWarnings(host: HostConfig): Limit[] {
  const throttled = [host.BlkioDeviceReadBps, host.BlkioDeviceWriteBps].some((list) => list?.length);
  return [
    [host.Privileged, "A microVM gives no devices of the host to privileged containers."],
    [throttled || host.BlkioWeight, "A microVM has a disk of its own. Limits of block I/O discarded."],
  ];
}

function sandboxWarnings(host: HostConfig): Limit[] {
  const seccomp = host.SecurityOpt?.find((option) => /^seccomp[=:](?!unconfined$)/.test(option));
  return [
    [seccomp, "answers system calls itself. Seccomp profile discarded."],
    [host.Privileged, "gives no devices of the host to privileged containers."],
    [Object.keys(host.Sysctls ?? {}).length > 0, "knows few kernel settings. Unknown sysctls discarded."],
    [host.OomScoreAdj, "has one process on the host for all of a container. OomScoreAdj holds for it as a whole."],
  ];
}
