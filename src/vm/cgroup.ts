import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isErrno } from "../base/error.ts";
import { killNow } from "../os/proc.ts";

const top = "/sys/fs/cgroup";

/** What a virtual machine's processes may use of the host. */
export interface MachineLimits {
  readonly memoryBytes: number | undefined;
  readonly cpuPeriod: number | undefined;
  readonly cpuQuota: number | undefined;
  readonly cpuShares: number | undefined;
  readonly cpus: string | undefined;
}

/** Makes the control group at `path` in every hierarchy of the host and returns its directories. */
export function makeCgroup(path: string, limits: MachineLimits): string[] {
  const unified = existsSync(join(top, "cgroup.controllers"));
  const hierarchies = unified ? [top] : controllers().map((name) => join(top, name));
  const directories = hierarchies.map((hierarchy) => makeGroup(hierarchy, path, unified));
  setCgroupLimits(directories, limits);
  return directories;
}

export function setCgroupLimits(directories: readonly string[], limits: MachineLimits): void {
  const unified = existsSync(join(top, "cgroup.controllers"));
  for (const directory of directories) {
    for (const [file, value] of settings(limits, unified)) {
      if (value !== undefined && existsSync(join(directory, file))) set(join(directory, file), value);
    }
  }
}

const known = ["cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "systemd"];
const controllers = (): string[] => known.filter((name) => existsSync(join(top, name, "cgroup.procs")));

/** A version 2 parent hands its controllers on; a version 1 cpuset begins empty and takes its parent's. */
function makeGroup(hierarchy: string, path: string, unified: boolean): string {
  let directory = hierarchy;
  for (const part of path.split("/").filter(Boolean)) {
    if (unified) set(join(directory, "cgroup.subtree_control"), "+memory +cpu +pids +io");
    const parent = directory;
    directory = join(directory, part);
    mkdirSync(directory, { recursive: true });
    if (existsSync(join(directory, "cpuset.cpus")) && !unified) {
      for (const file of ["cpuset.cpus", "cpuset.mems"]) {
        if (readFileSync(join(directory, file), "utf8").trim() === "") {
          set(join(directory, file), readFileSync(join(parent, file), "utf8").trim());
        }
      }
    }
  }
  return directory;
}

function settings(limits: MachineLimits, unified: boolean): Array<readonly [string, string | undefined]> {
  const { memoryBytes, cpuPeriod, cpuQuota, cpuShares, cpus } = limits;
  const number = (value: number | undefined) => (value === undefined ? undefined : String(value));
  if (!unified) {
    return [
      ["memory.limit_in_bytes", number(memoryBytes)],
      ["cpu.cfs_period_us", number(cpuPeriod)],
      ["cpu.cfs_quota_us", number(cpuQuota)],
      ["cpu.shares", number(cpuShares)],
      ["cpuset.cpus", cpus || undefined],
    ];
  }
  const weight = cpuShares && Math.round(1 + ((Math.max(2, cpuShares) - 2) * 9999) / 262142);
  return [
    ["memory.max", number(memoryBytes)],
    ["cpu.max", cpuQuota === undefined ? undefined : `${cpuQuota} ${cpuPeriod ?? 100_000}`],
    ["cpu.weight", number(weight)],
    ["cpuset.cpus", cpus || undefined],
  ];
}

/** A machine without a controller goes without its limit, as the engine warned at create. */
function set(file: string, value: string): void {
  try {
    writeFileSync(file, value);
  } catch (error) {
    if (!isErrno(error, "ENOENT", "EACCES", "EINVAL", "EBUSY", "EPERM", "ENOTSUP", "EOPNOTSUPP")) throw error;
  }
}

/** Moves processes that run already. */
export function joinCgroups(directories: readonly string[], pids: readonly number[]): void {
  for (const directory of directories) {
    for (const pid of pids) set(join(directory, "cgroup.procs"), String(pid));
  }
}

/** Takes the group away once its processes are gone; false while some are there. */
export function removeCgroup(directories: readonly string[]): boolean {
  return directories.map(removeGroup).every(Boolean);
}

const endPatienceMs = 10_000;

/** Ends whatever runs in the group and takes it away, as far as that succeeds in time. */
export async function endCgroup(directories: readonly string[]): Promise<void> {
  for (const end = performance.now() + endPatienceMs; performance.now() < end; ) {
    if (removeCgroup(directories)) return;
    for (const directory of directories) for (const pid of pidsIn(directory)) killNow(pid);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function pidsIn(directory: string): number[] {
  try {
    return readFileSync(join(directory, "cgroup.procs"), "utf8")
      .split("\n")
      .map(Number)
      .filter((pid) => pid > 0);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENODEV")) return [];
    throw error;
  }
}

function removeGroup(directory: string): boolean {
  try {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (entry.isDirectory()) removeGroup(join(directory, entry.name));
    }
    rmdirSync(directory);
    return true;
  } catch (error) {
    return isErrno(error, "ENOENT");
  }
}
