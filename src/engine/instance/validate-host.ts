import { isIP } from "node:net";
import type { HostConfig } from "../../api/generated/engine-api.ts";
import { invalid, unsupported } from "../../base/error.ts";
import { parseBytes } from "../../base/size.ts";
import type { MachineFacts } from "../../core/machine.ts";
import { normalCapability } from "../spec/capabilities.ts";
import { parseDeviceRule } from "../spec/devices.ts";

const minMemoryBytes = 6 << 20;

/**
 * Refuses host options that cannot be carried out, before anything is made. Returns warnings for those that this
 * machine ignores.
 */
export function validateHost(host: HostConfig, facts: MachineFacts): string[] {
  validateMemory(host);
  validateCpu(host, facts);
  validateRestart(host);
  validateLists(host);
  validateModes(host);
  refuseUnsupported(host);
  return warningsFor(host, facts);
}

type Rule = readonly [applies: unknown, message: string];

function refuseFirst(rules: readonly Rule[]): void {
  const broken = rules.find(([applies]) => applies);
  if (broken) throw invalid(broken[1]);
}

function validateMemory(host: HostConfig): void {
  const memory = host.Memory ?? 0;
  const swap = host.MemorySwap ?? 0;
  const swappiness = host.MemorySwappiness ?? -1;
  const adjust = host.OomScoreAdj ?? 0;
  refuseFirst([
    [memory < 0, "invalid memory limit: must not be negative"],
    [memory > 0 && memory < minMemoryBytes, "Minimum memory limit allowed is 6MB"],
    [swap > 0 && !memory, "You should always set the Memory limit when using Memoryswap limit, see usage"],
    [swap > 0 && swap < memory, "Minimum memoryswap limit should be larger than memory limit, see usage"],
    [
      memory > 0 && (host.MemoryReservation ?? 0) > memory,
      "Minimum memory limit can not be less than memory reservation limit, see usage",
    ],
    [swappiness < -1 || swappiness > 100, `Invalid value: ${swappiness}, valid memory swappiness range is 0-100`],
    [adjust < -1000 || adjust > 1000, `Invalid value ${adjust}, range for oom score adj is [-1000, 1000]`],
    [(host.ShmSize ?? 0) < 0, "SHM size can not be less than 0"],
  ]);
}

function validateCpu(host: HostConfig, { cpus }: MachineFacts): void {
  const nano = host.NanoCpus ?? 0;
  const period = host.CpuPeriod ?? 0;
  const quota = host.CpuQuota ?? 0;
  const weight = host.BlkioWeight ?? 0;
  refuseFirst([
    [nano && period, "Conflicting options: Nano CPUs and CPU Period cannot both be set."],
    [nano && quota, "Conflicting options: Nano CPUs and CPU Quota cannot both be set."],
    [
      nano < 0 || nano > cpus * 1e9,
      `Range of CPUs is from 0.01 to ${cpus.toFixed(2)}, as there are only ${cpus} CPUs available`,
    ],
    [
      period && (period < 1000 || period > 1_000_000),
      "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
    ],
    [quota > 0 && quota < 1000, "CPU cfs quota can not be less than 1ms (i.e. 1000)"],
    [weight && (weight < 10 || weight > 1000), "Range of blkio weight is from 10 to 1000"],
  ]);
  checkCpuShares(host.CpuShares ?? 0);
  checkCpuList(host.CpusetCpus ?? "", cpus);
}

function checkCpuShares(shares: number): void {
  if (shares < 0) throw invalid(`invalid CPU shares (${shares}): value must be a positive integer`);
}

function checkCpuList(text: string, cpus: number): void {
  for (const part of text === "" ? [] : text.split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (!match) throw invalid(`Invalid value ${text} for cpuset cpus`);
    if (Number(match[2] ?? match[1]) >= cpus) {
      throw invalid(`Requested CPUs are not available - requested ${text}, available: 0-${cpus - 1}`);
    }
  }
}

function validateRestart({ RestartPolicy: policy, AutoRemove }: HostConfig): void {
  const name = policy?.Name || "no";
  const count = policy?.MaximumRetryCount ?? 0;
  if (!["no", "always", "unless-stopped", "on-failure"].includes(name)) {
    throw invalid(
      `invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    );
  }
  if (count < 0) throw invalid("invalid restart policy: maximum retry count cannot be negative");
  if (count > 0 && name !== "on-failure") {
    throw invalid("invalid restart policy: maximum retry count can only be used with 'on-failure'");
  }
  if (AutoRemove && name !== "no") throw invalid("can't create 'AutoRemove' container with restart policy");
}

function validateLists(host: HostConfig): void {
  for (const name of [...(host.CapAdd ?? []), ...(host.CapDrop ?? [])]) normalCapability(name);
  for (const rule of host.DeviceCgroupRules ?? []) parseDeviceRule(rule);
  for (const entry of host.ExtraHosts ?? []) validateExtraHost(entry);
  for (const limit of host.Ulimits ?? []) validateUlimit(limit);
  if (Object.hasOwn(host.Annotations ?? {}, "")) {
    throw invalid("invalid Annotations: the empty string is not permitted as an annotation key");
  }
  for (const name of Object.keys(host.Sysctls ?? {})) validateSysctl(name, host);
}

function validateExtraHost(entry: string): void {
  const [, address] = /^[^:]+:(.+)$/.exec(entry) ?? [];
  if (address === undefined) throw invalid(`bad format for add-host: "${entry}"`);
  if (address !== "host-gateway" && isIP(address.replace(/^\[(.*)\]$/, "$1")) === 0) {
    throw invalid(`invalid IP address in add-host: "${address}"`);
  }
}

function validateUlimit({ Name: name, Soft, Hard }: NonNullable<HostConfig["Ulimits"]>[number]): void {
  const [soft, hard] = [Soft ?? 0, Hard ?? 0];
  refuseFirst([
    [!ulimitNames.includes(name ?? ""), `invalid ulimit type: ${name}`],
    [
      hard !== -1 && (soft > hard || soft === -1),
      `ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`,
    ],
  ]);
}

const ulimitNames =
  "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(" ");

/** Only settings that live in a namespace of the instance's own may be set. */
function validateSysctl(name: string, host: HostConfig): void {
  if (!/^[a-z0-9_-]+(?:[./][a-zA-Z0-9_*@-]+)+$/.test(name)) throw invalid(`invalid sysctl name: ${name}`);
  const isNet = name.startsWith("net.");
  const isIpc = /^(kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)|fs\.mqueue\.)/.test(name);
  if (!isNet && !isIpc) throw invalid(`sysctl "${name}" is not in a separate kernel namespace`);
  if (isNet && host.NetworkMode === "host") throw invalid(`sysctl "${name}" is not allowed with host network`);
  if (isIpc && host.IpcMode === "host") throw invalid(`sysctl "${name}" is not allowed with host ipc`);
}

function validateModes(host: HostConfig): void {
  checkMode("pid", host.PidMode, /^(host|container:.+)?$/);
  checkMode("IPC", host.IpcMode, /^(none|private|shareable|host|container:.+)?$/);
  checkMode("UTS", host.UTSMode, /^(host)?$/);
  checkMode("cgroup namespace", host.CgroupnsMode, /^(host|private)?$/);
  checkMode("userns", host.UsernsMode, /^(host)?$/);
}

function checkMode(name: string, value: string | null | undefined, allowed: RegExp): void {
  if (!allowed.test(value ?? "")) throw invalid(`invalid ${name} mode: ${value}`);
}

function refuseUnsupported(host: HostConfig): void {
  const request = host.DeviceRequests?.[0];
  if (request) {
    const wanted = (request.Capabilities ?? []).map((set) => `[${set.join(" ")}]`).join(" ");
    throw unsupported(`could not select device driver "${request.Driver ?? ""}" with capabilities: [${wanted}]`, {
      hint: "no driver for such devices (GPUs) is available on this machine",
    });
  }
  if (host.VolumeDriver && host.VolumeDriver !== "local") {
    throw unsupported(`volume driver ${host.VolumeDriver} is not supported: only local is`);
  }
  if (host.Isolation && host.Isolation !== "default") {
    throw invalid(`invalid isolation: ${host.Isolation}`, { hint: "choose the isolation with --runtime" });
  }
  validateStorage(host.StorageOpt ?? {});
  const type = host.LogConfig?.Type || "json-file";
  if (!["json-file", "local", "none"].includes(type)) {
    throw unsupported(`logger: no log driver named '${type}' is registered: json-file, local and none are`);
  }
  validateLogOptions(host.LogConfig?.Config ?? {}, type);
}

/** A file system needs room for its own records. */
const minStorageBytes = 4 << 20;

function validateStorage(options: Readonly<Record<string, string | null>>): void {
  const unknown = Object.keys(options).find((name) => name !== "size");
  if (unknown !== undefined) throw invalid(`Unknown option ${unknown}`, { hint: "the storage option is size" });
  if (options["size"] !== undefined && parseBytes(options["size"] ?? "") < minStorageBytes) {
    throw invalid(`storage size ${options["size"]} is too small: it wants at least 4m`);
  }
}

function validateLogOptions(options: Record<string, string | null>, type: string): void {
  for (const [name, value] of Object.entries(options)) {
    if (name === "max-size" && value === "-1") continue;
    if (name === "max-size") parseBytes(value ?? "");
    else if (name === "max-file") {
      if (!/^[1-9]\d{0,3}$/.test(value ?? "")) throw invalid(`invalid log opt max-file: '${value}'`);
    } else if (
      !["compress", "labels", "labels-regex", "env", "env-regex", "tag", "mode", "max-buffer-size"].includes(name)
    ) {
      throw invalid(`unknown log opt '${name}' for ${type} log driver`);
    }
  }
}

function warningsFor(host: HostConfig, facts: MachineFacts): string[] {
  const ignored: Array<[unknown, string]> = [
    [
      host.Memory && host.MemorySwap && !facts.swapLimit,
      "Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.",
    ],
    [
      host.OomKillDisable && facts.cgroupVersion === 2,
      "Your kernel does not support OomKillDisable. OomKillDisable discarded.",
    ],
    [
      host.BlkioWeight && !facts.blockIoWeight,
      "Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.",
    ],
    [
      host.BlkioWeightDevice?.length && !facts.blockIoWeight,
      "Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device discarded.",
    ],
    [host.KernelMemoryTCP, "Your kernel does not support kernel memory TCP limit. Limitation discarded."],
    [
      host.PidsLimit && !facts.controllers.has("pids"),
      "Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded.",
    ],
    [
      (host.OomScoreAdj ?? 0) < 0 && !facts.mayRaiseLimits,
      "The daemon may not lower oom_score_adj. OomScoreAdj discarded.",
    ],
    [host.DnsOptions?.length && host.NetworkMode === "host", "DNS options have no effect with host network."],
  ];
  return ignored.filter(([applies]) => applies).map(([, text]) => text);
}
