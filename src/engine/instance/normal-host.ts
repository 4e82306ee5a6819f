import type { HostConfig } from "../../api/generated/engine-api.ts";
import type { MachineFacts } from "../../core/machine.ts";
import { normalCapability } from "../spec/capabilities.ts";
import { maskedPaths, readonlyPaths } from "../spec/spec.ts";
import type { EngineSettings } from "./deps.ts";

/** Host options with every default filled in, as inspect shows them. */
export function normalHost(given: HostConfig, facts: MachineFacts, settings: EngineSettings): HostConfig {
  const privateCgroup = facts.cgroupVersion === 2 && !given.Privileged;
  return {
    ...emptyLists,
    ...dropUnset(given),
    NetworkMode: !given.NetworkMode || given.NetworkMode === "default" ? "bridge" : given.NetworkMode,
    RestartPolicy: normalRestart(given.RestartPolicy),
    LogConfig: normalLog(given.LogConfig, settings),
    IpcMode: given.IpcMode || "private",
    CgroupnsMode: given.CgroupnsMode || (privateCgroup ? "private" : "host"),
    ShmSize: given.ShmSize || settings.defaultShmBytes,
    Runtime: given.Runtime || settings.defaultRuntime,
    CapAdd: given.CapAdd?.map(normalCapability) ?? null,
    CapDrop: given.CapDrop?.map(normalCapability) ?? null,
    MemorySwap: normalSwap(given),
    ...normalPaths(given),
  };
}

const normalRestart = (policy: HostConfig["RestartPolicy"]): HostConfig["RestartPolicy"] => ({
  Name: policy?.Name || "no",
  MaximumRetryCount: policy?.MaximumRetryCount ?? 0,
});

function normalLog(given: HostConfig["LogConfig"], { defaultLog }: EngineSettings): HostConfig["LogConfig"] {
  if (given?.Type) return { Type: given.Type, Config: given.Config ?? {} };
  return { Type: defaultLog.type as "json-file", Config: { ...defaultLog.options, ...given?.Config } };
}

function normalPaths(given: HostConfig): HostConfig {
  const [masked, readonly] = given.Privileged ? [null, null] : [maskedPaths, readonlyPaths];
  return { MaskedPaths: given.MaskedPaths ?? masked, ReadonlyPaths: given.ReadonlyPaths ?? readonly };
}

/** Without a word on swap, as much again as the memory limit. */
function normalSwap({ Memory: memory, MemorySwap: swap }: HostConfig): number {
  if (memory && !swap) return memory * 2;
  return swap ?? 0;
}

const dropUnset = (given: HostConfig): HostConfig =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null && value !== undefined));

/** What inspect shows for options nobody set. */
const emptyLists: HostConfig = {
  Binds: null,
  ConsoleSize: [0, 0],
  PortBindings: {},
  ContainerIDFile: "",
  AutoRemove: false,
  VolumeDriver: "",
  VolumesFrom: null,
  Dns: [],
  DnsOptions: [],
  DnsSearch: [],
  ExtraHosts: null,
  GroupAdd: null,
  Cgroup: "",
  Links: null,
  OomScoreAdj: 0,
  PidMode: "",
  Privileged: false,
  PublishAllPorts: false,
  ReadonlyRootfs: false,
  SecurityOpt: null,
  UTSMode: "",
  UsernsMode: "",
  Isolation: "",
  CpuShares: 0,
  Memory: 0,
  NanoCpus: 0,
  CgroupParent: "",
  BlkioWeight: 0,
  BlkioWeightDevice: [],
  BlkioDeviceReadBps: [],
  BlkioDeviceWriteBps: [],
  BlkioDeviceReadIOps: [],
  BlkioDeviceWriteIOps: [],
  CpuPeriod: 0,
  CpuQuota: 0,
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  CpusetCpus: "",
  CpusetMems: "",
  Devices: [],
  DeviceCgroupRules: null,
  DeviceRequests: null,
  MemoryReservation: 0,
  MemorySwappiness: null,
  OomKillDisable: null,
  PidsLimit: null,
  Ulimits: null,
  CpuCount: 0,
  CpuPercent: 0,
  IOMaximumIOps: 0,
  IOMaximumBandwidth: 0,
};
