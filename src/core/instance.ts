import type { ContainerConfig, EndpointSettings, HostConfig } from "../api/generated/engine-api.ts";
import type { Digest } from "../base/digest.ts";
import type { MappedUsers } from "./mapped-users.ts";
import type { EgressPolicy, RateLimit } from "./network-policy.ts";
import type { ChainId } from "./snapshot.ts";

/**
 * One workload, whatever its isolation.
 *
 * created → running ⇄ paused (frozen, or suspended to disk); running → exited → running; running → restarting → running; any but running → removed.
 * `state` is what is true now: it is written before a client is told, and a start after a crash compares it with the
 * processes that are there. `config` and `host` hold the options in the words of the Engine API, defaults filled in.
 */
export interface InstanceRecord {
  readonly id: string;
  /** Unique, without the leading slash of the API. */
  readonly name: string;
  readonly createdAt: string;
  /** A step of a build, or a copy that is being made: clients do not see it, and it does not outlive the daemon. */
  readonly purpose?: "build" | "copy" | undefined;
  readonly image: { readonly id: Digest; readonly name: string };
  /** Layers of the root, bottom first. */
  readonly layers: readonly ChainId[];
  readonly config: ContainerConfig;
  readonly host: HostConfig;
  /** By network name, as asked for at create. */
  readonly networks: Readonly<Record<string, EndpointSettings>>;
  readonly mounts: readonly InstanceMount[];
  /** Whose users its own are, when they are not the machine's. */
  readonly users?: MappedUsers | undefined;
  readonly state: InstanceState;
  /** Restarts by policy since the last start by hand. */
  readonly restartCount: number;
  /** True after a stop by hand, which suspends the restart policy until the next start. */
  readonly stoppedByHand: boolean;
  readonly health?: InstanceHealth | undefined;
}

export interface InstanceHealth {
  readonly status: "starting" | "healthy" | "unhealthy";
  readonly failingStreak: number;
  /** The last five probes, oldest first. */
  readonly log: readonly HealthProbe[];
}

export interface HealthProbe {
  readonly start: string;
  readonly end: string;
  readonly exitCode: number;
  readonly output: string;
}

export type InstanceState =
  | { readonly status: "created"; readonly error?: string; readonly exitCode?: number }
  | RunningState
  | ({ readonly status: "restarting" } & EndedFacts)
  | ({ readonly status: "exited" } & EndedFacts)
  | ({ readonly status: "dead" } & EndedFacts);

export interface RunningState {
  readonly status: "running" | "paused";
  readonly pid: number;
  /** Start time of the process in clock ticks since boot: with the pid, names it for good. */
  readonly pidStart: number;
  readonly startedAt: string;
  /** State before, while the command has not been started yet: a crash in this moment is undone. */
  readonly startingFrom?: InstanceState;
  /** Paused, and saved to disk: no process of it is there. */
  readonly suspended?: Suspended;
  /** Frozen for a moment by the engine itself, which its clients do not see. */
  readonly heldStill?: boolean;
  /** What the attached networks gave, for inspect and for detaching. */
  readonly endpoints: readonly Endpoint[];
  readonly netns: string | undefined;
}

export interface EndedFacts {
  readonly exitCode: number;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly oomKilled: boolean;
  readonly error: string;
}

/** One attachment to a network. Texts are empty and lengths 0 for a family that the network does not have. */
export interface Endpoint {
  readonly networkId: string;
  readonly networkName: string;
  readonly endpointId: string;
  /** Name inside, such as eth0. */
  readonly interface: string;
  /** Name of the host's end; empty where there is none. */
  readonly hostInterface: string;
  readonly address: string;
  readonly prefixLength: number;
  /** Empty on a network without a way out. */
  readonly gateway: string;
  readonly address6: string;
  readonly prefixLength6: number;
  readonly gateway6: string;
  /** Further addresses of the link alone. */
  readonly linkLocal?: readonly string[] | undefined;
  readonly mac: string;
  readonly gatewayPriority: number;
  /** What rules of the network call the instance: its names, and its labels as `label=KEY=VALUE`. */
  readonly tags: readonly string[];
  /** The instance's own, besides the network's. */
  readonly egress?: EgressPolicy | undefined;
  readonly rate?: RateLimit | undefined;
  /** Ports are published through the endpoint with the default route. */
  readonly ports: readonly PublishedPort[];
}

export interface PublishedPort {
  readonly containerPort: number;
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly hostAddress: string;
  readonly hostPort: number;
}

/** A mount settled at create; the source of a volume is found by its name at each start. */
export interface InstanceMount {
  readonly type: "bind" | "volume" | "tmpfs";
  /** Host path of a bind, name of a volume, empty for tmpfs. */
  readonly source: string;
  readonly target: string;
  readonly readonly: boolean;
  readonly propagation: string;
  /** Such as `z`; shown as `Mode`. */
  readonly mode: string;
  readonly driver?: string;
  /** Made for this instance alone and removed with `rm -v`. */
  readonly anonymous?: boolean;
  readonly noCopy?: boolean;
  readonly subpath?: string;
  /** For a volume that is not there yet. */
  readonly volumeOptions?: Readonly<Record<string, string>>;
  readonly volumeLabels?: Readonly<Record<string, string>>;
  /** Bind whose source is made when missing, as `-v` does and `--mount` does not. */
  readonly createSource?: boolean;
  readonly nonRecursive?: boolean;
  /** What is mounted below a read-only bind stays as it is. */
  readonly readonlyNonRecursive?: boolean;
  readonly tmpfsOptions?: string;
  /** Bind of a socket, and whose it is inside. */
  readonly socket?: { readonly uid: number; readonly gid: number; readonly mode: number };
  /** Bind whose source shows the ids of the instance's users already. */
  readonly showsOwnIds?: boolean;
}

/** Instances in the database; each method is one transaction. Reads are from memory. */
export interface InstanceRepository {
  get(id: string): InstanceRecord | undefined;
  byName(name: string): InstanceRecord | undefined;
  list(): InstanceRecord[];
  /** Ids that begin with this text. */
  findByPrefix(prefix: string): string[];
  /** Fails with conflict when another instance has the name. */
  insert(record: InstanceRecord): void;
  /** Replaces members of the record and returns the new one; fails with notFound, or conflict on a taken name. */
  update(id: string, change: Partial<Omit<InstanceRecord, "id">>): InstanceRecord;
  remove(id: string): void;
}

/** True of an instance that counts as running and has no process. */
export const isSuspended = (record: InstanceRecord): record is InstanceRecord & { state: SuspendedState } =>
  isRunning(record) && record.state.suspended !== undefined;

type SuspendedState = RunningState & { readonly suspended: Suspended };

export interface Suspended {
  readonly at: string;
  /** It goes on by itself when it is wanted; otherwise only when it is told to. */
  readonly wakes: boolean;
}

export const isRunning = (record: InstanceRecord): record is InstanceRecord & { state: RunningState } =>
  record.state.status === "running" || record.state.status === "paused";
