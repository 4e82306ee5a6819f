import type { SystemInfo } from "../../api/generated/engine-api.ts";
import { now } from "../../base/time.ts";
import { isRunning } from "../../core/instance.ts";
import type { InstanceDeps } from "../instance/deps.ts";

export interface ProductFacts {
  readonly version: string;
  readonly gitCommit: string;
  readonly buildTime: string;
  readonly id: string;
  readonly dataRoot: string;
  readonly registryMirrors: readonly string[];
  readonly insecureRegistries: readonly string[];
  readonly labels: readonly string[];
  readonly debug: boolean;
  readonly runtimes: Readonly<Record<string, { path: string; version: string }>>;
  readonly conmonVersion: string;
  readonly initVersion: string;
  /** What this machine lacks, a sentence each. */
  readonly warnings: readonly string[];
}

/** The reply of `GET /info`. */
export function systemInfo(deps: InstanceDeps, product: ProductFacts): SystemInfo {
  return {
    ...counts(deps),
    ...machineInfo(deps),
    ...productInfo(deps, product),
    ...fixedInfo,
    SystemTime: now(),
  };
}

function counts({ instances, images }: InstanceDeps): SystemInfo {
  const records = instances.list();
  return {
    Containers: records.length,
    ContainersRunning: records.filter(({ state }) => state.status === "running").length,
    ContainersPaused: records.filter(({ state }) => state.status === "paused").length,
    ContainersStopped: records.filter((record) => !isRunning(record)).length,
    Images: images.list().length,
  };
}

function machineInfo({ machine: { facts }, settings }: InstanceDeps): SystemInfo {
  const has = (name: string) => facts.controllers.has(name);
  return {
    MemoryLimit: has("memory"),
    SwapLimit: facts.swapLimit,
    CpuCfsPeriod: has("cpu"),
    CpuCfsQuota: has("cpu"),
    CPUShares: has("cpu"),
    CPUSet: has("cpuset"),
    PidsLimit: has("pids"),
    OomKillDisable: facts.cgroupVersion === 1,
    CgroupVersion: String(facts.cgroupVersion) as "1" | "2",
    KernelVersion: facts.kernel,
    OperatingSystem: facts.operatingSystem,
    OSVersion: facts.osVersion,
    Architecture: machineName[settings.architecture] ?? settings.architecture,
    NCPU: facts.cpus,
    MemTotal: facts.memoryBytes,
    Name: facts.hostname,
    SecurityOptions: [
      ...(facts.apparmor ? ["name=apparmor"] : []),
      ...(facts.seccomp ? ["name=seccomp,profile=builtin"] : []),
      ...(facts.selinux ? ["name=selinux"] : []),
      ...(facts.cgroupVersion === 2 ? ["name=cgroupns"] : []),
    ],
  };
}

function productInfo({ runtimes, settings, mappedUsers }: InstanceDeps, product: ProductFacts): SystemInfo {
  const paths = [...runtimes].map(([name, { facts, mapsUsers }]) => {
    const found = { ...facts?.(), ...(mapsUsers && { "isle.build.mapped-users": mappedUsers.finding() }) };
    const status = Object.keys(found).length > 0 && { status: found };
    return [name, { path: product.runtimes[name]?.path ?? name, ...status }];
  });
  return {
    ID: product.id,
    DockerRootDir: product.dataRoot,
    Debug: product.debug,
    LoggingDriver: settings.defaultLog.type,
    RegistryConfig: registryConfig(product),
    Labels: [...product.labels],
    ServerVersion: product.version,
    Runtimes: Object.fromEntries(paths) as NonNullable<SystemInfo["Runtimes"]>,
    DefaultRuntime: settings.defaultRuntime,
    ContainerdCommit: { ID: product.conmonVersion },
    RuncCommit: { ID: product.runtimes[settings.defaultRuntime]?.version ?? "" },
    InitCommit: { ID: product.initVersion },
    Warnings: product.warnings.length > 0 ? [...product.warnings] : null,
  };
}

const fixedInfo: SystemInfo = {
  Driver: "overlay2",
  DriverStatus: [["Backing Filesystem", "overlay"]],
  Plugins: {
    Volume: ["local"],
    Network: ["bridge", "host", "null"],
    Authorization: null,
    Log: ["json-file", "local", "none"],
  },
  IPv4Forwarding: true,
  NFd: 0,
  NGoroutines: 0,
  NEventsListener: 0,
  CgroupDriver: "cgroupfs",
  OSType: "linux",
  IndexServerAddress: "https://index.docker.io/v1/",
  GenericResources: null,
  HttpProxy: "",
  HttpsProxy: "",
  NoProxy: "",
  ExperimentalBuild: false,
  Swarm: {
    NodeID: "",
    NodeAddr: "",
    LocalNodeState: "inactive",
    ControlAvailable: false,
    Error: "",
    RemoteManagers: null,
  },
  LiveRestoreEnabled: true,
  Isolation: "",
  InitBinary: "docker-init",
};

const machineName: Record<string, string> = { amd64: "x86_64", arm64: "aarch64" };

function registryConfig({ registryMirrors, insecureRegistries }: ProductFacts): SystemInfo["RegistryConfig"] {
  const blocks = insecureRegistries.filter((entry) => entry.includes("/"));
  const hosts = insecureRegistries.filter((entry) => !entry.includes("/"));
  const entry = (name: string) => ({ Name: name, Mirrors: [], Secure: false, Official: false });
  return {
    InsecureRegistryCIDRs: ["::1/128", "127.0.0.0/8", ...blocks],
    IndexConfigs: {
      "docker.io": { Name: "docker.io", Mirrors: [...registryMirrors], Secure: true, Official: true },
      ...Object.fromEntries(hosts.map((host) => [host, entry(host)])),
    },
    Mirrors: [...registryMirrors],
  };
}
