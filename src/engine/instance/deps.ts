import type { KeyedLock } from "../../base/keyed-lock.ts";
import type { ArchiveDriver } from "../../core/archive.ts";
import type { InstanceRepository } from "../../core/instance.ts";
import type { LogStore } from "../../core/log.ts";
import type { Machine } from "../../core/machine.ts";
import type { MappedUsersPort } from "../../core/mapped-users.ts";
import type { NameServer } from "../../core/names.ts";
import type { NetworkDriver, NetworkRepository } from "../../core/network.ts";
import type { ExitWatch, Runtime } from "../../core/runtime.ts";
import type { VolumeDriver, VolumeRepository } from "../../core/volume.ts";
import type { ImageDeps } from "../deps.ts";
import type { SeccompProfile } from "../spec/seccomp.ts";
import type { AttachedOutputs } from "./attached-outputs.ts";
import type { ExecTable } from "./exec-table.ts";
import type { HealthMonitor } from "./health.ts";
import type { IdleMonitor } from "./idle.ts";
import type { LogRotations } from "./log-rotation.ts";
import type { RestartSchedule } from "./restart-policy.ts";
import type { InstanceSignals } from "./signals.ts";

/** What the instance use cases work with. */
export interface InstanceDeps extends ImageDeps {
  readonly instances: InstanceRepository;
  readonly volumes: VolumeRepository;
  readonly volumeDriver: VolumeDriver;
  readonly networks: NetworkRepository;
  readonly networkDriver: NetworkDriver;
  readonly names: NameServer;
  /** By name as users write it. */
  readonly runtimes: ReadonlyMap<string, Runtime>;
  readonly exits: ExitWatch;
  readonly logs: LogStore;
  readonly machine: Machine;
  readonly mappedUsers: MappedUsersPort;
  readonly archive: ArchiveDriver;
  readonly settings: EngineSettings;
  /** Variables by instance that no record, and so no disk, may hold: secrets of build steps. */
  readonly secretEnv: Map<string, readonly string[]>;
  /** One verb at a time for each instance. */
  readonly locks: KeyedLock;
  readonly signals: InstanceSignals;
  readonly attached: AttachedOutputs;
  readonly execs: ExecTable;
  readonly health: HealthMonitor;
  readonly idle: IdleMonitor;
  readonly restarts: RestartSchedule;
  readonly rotations: LogRotations;
}

export interface EngineSettings {
  readonly defaultRuntime: string;
  readonly seccompProfile: SeccompProfile | undefined;
  readonly capabilities: ReadonlySet<string>;
  /** Go's name, such as amd64. */
  readonly architecture: string;
  readonly cgroupParent: string;
  readonly defaultUlimits: Readonly<Record<string, { soft: number; hard: number }>>;
  readonly defaultShmBytes: number;
  /** The most that a build fetches from one URL or repository. */
  readonly buildDownloadBytes: number;
  readonly defaultLog: { readonly type: string; readonly options: Readonly<Record<string, string>> };
  readonly dns: readonly string[];
  readonly dnsOptions: readonly string[];
  readonly dnsSearch: readonly string[];
  /** Full path of the init that `--init` puts first, undefined when the machine has none. */
  readonly initPath: string | undefined;
  readonly stopTimeoutSeconds: number;
  readonly paths: {
    /** The directory with those of all instances. */
    readonly instances: string;
    /** Files of an instance: bundle, log, hosts. */
    instance(id: string): string;
    log(id: string): string;
    /** Files of builds under way, and their caches. */
    readonly builds: string;
    /** Sockets of SSH agents of builds under way. */
    readonly agents: string;
    /** Memory of machines that are being copied. */
    readonly copies: string;
  };
}
