import type { Readable } from "node:stream";
import type { OciDevice } from "./oci-spec.ts";

/** What this machine is and has, read once at start. */
export interface MachineFacts {
  readonly cgroupVersion: 1 | 2;
  /** Names such as memory, cpu, pids, blkio (io on version 2). */
  readonly controllers: ReadonlySet<string>;
  readonly swapLimit: boolean;
  /** Shares of block I/O can be weighed. */
  readonly blockIoWeight: boolean;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly operatingSystem: string;
  readonly osVersion: string;
  readonly hostname: string;
  readonly apparmor: boolean;
  readonly selinux: boolean;
  readonly seccomp: boolean;
  /** True with CAP_SYS_RESOURCE: hard limits can be raised and oom_score_adj lowered. */
  readonly mayRaiseLimits: boolean;
  readonly hardLimits: Readonly<Record<string, number>>;
  readonly bootId: string;
}

/** Looks at devices and paths of the host on behalf of an instance that names them. */
export interface Machine {
  readonly facts: MachineFacts;
  /** A device node, or all below a directory; notFound or invalid otherwise. */
  devices(path: string): OciDevice[];
  /** Every device of the host, for privileged instances. */
  allDevices(): OciDevice[];
  /** `major:minor` of the block device at a path; invalid when it is none. */
  blockDevice(path: string): { major: number; minor: number };
  pathKind(path: string): "directory" | "other" | undefined;
  makeDirectory(path: string): void;
  /** Names in a directory; none when it is not there. */
  listDirectory(path: string): string[];
  /** Path with all links resolved. */
  realPath(path: string): string;
  readText(path: string): string | undefined;
  /** File of a tree, followed within that tree only. */
  readTextInRoot(root: string, path: string): string | undefined;
  /** Makes a directory of a tree with its parents, followed within that tree only; quiet when it is there. */
  makeDirectoryInRoot(root: string, path: string, owner?: { uid: number; gid: number }, mode?: number): void;
  /** Where a path of a tree leads, all links followed within that tree, as a path of the tree; what is missing is kept as written. */
  followInRoot(root: string, path: string): string;
  isDirectoryInRoot(root: string, path: string): boolean;
  writeFile(path: string, content: string | Uint8Array): void;
  /** Makes the file and its directory where they are missing. */
  appendFile(path: string, content: string): void;
  /** Passes a stream on while it is written to a new file. */
  saveWhileRead(path: string, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void>;
  /** The file, or of it the bytes from `start` to `end`, both included. */
  openFile(path: string, range?: { readonly start: number; readonly end: number }): Readable;
  /** Bytes that an unprivileged writer may still use of the file system at a path. */
  freeBytes(path: string): number;
  setOwner(path: string, owner: { uid: number; gid: number; mode: number }): void;
  /** Makes a symbolic link that leads to `target`. */
  makeLink(path: string, target: string): void;
  /** A file system in memory, as /dev/shm is; makes the directory. */
  mountMemory(path: string, bytes: number): void;
  /** Quiet when nothing is mounted there. */
  unmount(path: string): void;
  /** Makes the pipes that a process has as its standard streams a user's, who may open them again by /dev/stdout then. */
  ownStreams(pid: number, uid: number): void;
  processAlive(pid: number, start: number): boolean;
  removeTree(path: string): Promise<void>;
  /** Resource figures of the cgroup at `path`, and its processes. */
  cgroup(path: string): CgroupReader;
  networkCounters(pid: number): NetworkCounters[];
  /** `ps` with these arguments over the whole host, as text. */
  processTable(args: readonly string[]): Promise<string>;
}

export interface NetworkCounters {
  readonly name: string;
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly rxErrors: number;
  readonly rxDropped: number;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly txErrors: number;
  readonly txDropped: number;
}

export interface CgroupReader {
  pids(): number[];
  stats(): CgroupStats;
}

export interface CgroupStats {
  readonly cpuTotalNanos: number;
  readonly cpuUserNanos: number;
  readonly cpuKernelNanos: number;
  readonly perCpuNanos: readonly number[];
  readonly throttling: { readonly periods: number; readonly throttled: number; readonly throttledNanos: number };
  readonly memoryBytes: number;
  readonly memoryMaxBytes: number;
  readonly memoryLimitBytes: number;
  readonly memoryFailures: number;
  readonly memoryDetails: Readonly<Record<string, number>>;
  readonly pids: number;
  readonly pidsLimit: number;
  readonly blockIo: ReadonlyArray<{ major: number; minor: number; op: string; bytes: number; ios: number }>;
}
