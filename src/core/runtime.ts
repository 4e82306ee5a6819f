import type { Duplex, Readable, Writable } from "node:stream";
import type { OciProcess, OciSpec } from "./oci-spec.ts";

/**
 * Runs bundles through an OCI runtime under a supervisor that outlives this daemon.
 *
 * absent → (`create`) created → (`start`) running ⇄ paused → exited → (`delete`) absent. The supervisor keeps the log
 * and the exit code; `onExit` tells of each exit once, also of those that happened while the daemon was away, as soon
 * as `watchExits` runs. `delete` works from every state and is quiet when nothing is there.
 */
export interface Runtime {
  /** Name as users write it: `crun`. */
  readonly name: string;
  readonly isolation: Isolation;
  /** Takes workloads whose users are those of a namespace, and maps the ids of their mounts to it. */
  readonly mapsUsers: boolean;
  create(workload: Workload): Promise<CreatedProcess>;
  /** Fails with the runtime's own words when the command cannot be run. */
  start(id: string): Promise<void>;
  kill(id: string, signal: number, all?: boolean): Promise<void>;
  pause(id: string): Promise<void>;
  resume(id: string): Promise<void>;
  update(id: string, resources: object): Promise<void>;
  delete(id: string): Promise<void>;
  exec(id: string, process: OciProcess, options: ExecOptions): Promise<ExecSession>;
  /** Bytes for the workload's standard input; ends it when the stream ends, unless it stays open by request. */
  openStdin(id: string): Duplex;
  resize(id: string, size: TerminalSize): void;
  reopenLog(id: string): void;
  /** True when the kernel killed the workload for its memory limit. */
  wasOomKilled(id: string): boolean;
  /** The workload's processes as it numbers them itself; only of isolations whose processes the host does not see. */
  processes?(id: string): Promise<GuestProcess[]>;
  /** What was chosen for workloads of this runtime on this machine, and why, for people. */
  facts?(): Readonly<Record<string, string>>;
  /**
   * Has connections to sockets in the workload answered by those at these paths of the machine, in the order in which the
   * workload's specification names them, until it ends. Only of isolations in which a bound socket leads nowhere.
   */
  answerSockets?(id: string, paths: readonly string[]): Promise<void>;
  /** Only of isolations whose files the host does not see. */
  readonly files?: GuestFiles;
  /** Only of isolations whose whole state can be saved. */
  readonly saving?: Saving;
}

/**
 * Saves running workloads, so that they go on later or elsewhere. `create` of a workload whose annotation
 * `isle.vm.restore` names a saved one lets it go on at its `start`.
 */
export interface Saving {
  /** Fails with what keeps the workload from being saved, before anything changes. */
  check(id: string): void;
  /** Does what would make the workload stand still for longer than it must. */
  prepare(id: string): Promise<void>;
  /** Fills an empty directory. The workload stands still afterwards, also after a failure, until `resume` or `leave`. */
  save(id: string, order: SaveOrder): Promise<void>;
  /** Gives what was saved its place, in one step that survives a loss of power. */
  place(from: string, to: string): void;
  /** Ends a workload that was saved; returns when its supervisor has ended too. */
  leave(id: string): Promise<void>;
  /** Copies a disk that nobody writes to. */
  copyDisk(from: string, to: string): Promise<void>;
  /** Calls `arrived` when something is sent to a saved workload by the network that it is still on. */
  watchArrivals(netns: string, arrived: () => void): { close(): void };
  /** What a saved machine takes of the disk. */
  savedBytes(directory: string): number;
  /** What is kept so that later starts are quick. */
  kept(): { readonly templates: KeptMachines; readonly spares: KeptMachines & { readonly memoryBytes: number } };
  /** Fails when what was saved cannot go on. */
  checkSaved(directory: string, disk: string): void;
}

/** Machines that nobody runs, and what they take. */
export interface KeptMachines {
  readonly count: number;
  readonly diskBytes: number;
}

export interface SaveOrder {
  readonly directory: string;
  /** Where a copy of its disk of that moment is to be, for one that goes on. */
  readonly diskCopy?: string;
}

/** Files on disks that the host does not mount, because a guest wrote them. */
export interface GuestFiles {
  /** Hands over all changes to the root as an OCI layer. */
  readChanges(root: GuestRoot, take: (layer: Readable) => Promise<void>): Promise<void>;
  /** Unpacks a plain tar into a directory, as the workload sees it; without one, of the root. */
  unpack(root: GuestRoot, write: GuestUnpack): Promise<void>;
  /** What a writable disk takes of the host; nothing while there is none. */
  usedBytes(disk: string): number;
}

export interface GuestRoot {
  readonly id: string;
  readonly running: boolean;
  /** The image and the writable disk. */
  readonly image: string;
  readonly disk: string;
}

export interface GuestUnpack {
  readonly path: string;
  readonly tar: Readable;
  /** Refuse to replace a directory by something else, or something else by a directory. */
  readonly keepKind: boolean;
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/** What stands between a workload and the machine: the kernel's namespaces, a kernel in user space, virtual hardware. */
export type Isolation = "container" | "sandbox" | "microvm";

export interface GuestProcess {
  readonly uid: number;
  readonly pid: number;
  readonly ppid: number;
  readonly terminal: string;
  readonly startedAt: string;
  readonly cpuTime: string;
  readonly command: string;
}

export interface Workload {
  readonly id: string;
  readonly bundle: string;
  readonly spec: OciSpec;
  readonly logPath: string;
  readonly terminal: boolean;
  readonly stdin: boolean;
  readonly leaveStdinOpen: boolean;
  /** Sockets of the machine that are bound in can be connected to, where that is a matter of choice. */
  readonly opensSockets: boolean;
}

export interface CreatedProcess {
  readonly pid: number;
  readonly pidStart: number;
}

export interface ExecOptions {
  readonly terminal: boolean;
  readonly stdin: boolean;
  readonly size?: TerminalSize | undefined;
  /** Without it the command's output is thrown away. */
  readonly attached: boolean;
}

export interface ExecSession {
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  /** Exit code, and the runtime's message when the command could not be run. */
  readonly ended: Promise<ExecResult>;
  pid(): number;
  resize(size: TerminalSize): void;
  kill(signal: NodeJS.Signals): void;
}

export interface ExecResult {
  readonly exitCode: number;
  readonly error?: string;
}

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** Tells of every exit under one exec root. */
export interface ExitWatch {
  /** Tells of an exit that the supervisor did not tell of. */
  tell(id: string, exitCode: number): void;
  onExit(listener: (id: string, exitCode: number) => void): void;
  /** Exit code left by a workload that ended, if it did. */
  read(id: string): number | undefined;
  forget(id: string): void;
  close(): void;
}
