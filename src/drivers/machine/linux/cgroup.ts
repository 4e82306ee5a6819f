import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { CgroupReader, CgroupStats } from "../../../core/machine.ts";
import { readTextIfPresent } from "../../../os/files.ts";

const mountPoint = "/sys/fs/cgroup";

/** Figures and processes of the cgroup at `path`, such as /isle/ID; a missing file reads as nothing. */
export function readCgroup(path: string, version: 1 | 2): CgroupReader {
  const controller = (name: string) => join(mountPoint, version === 2 ? "" : name, path);
  return {
    pids: () => pidsBelow(controller("pids")),
    stats: () => (version === 2 ? unifiedStats(controller("")) : separateStats(controller)),
  };
}

const text = (directory: string, file: string): string => readTextIfPresent(join(directory, file)) ?? "";
const number = (directory: string, file: string): number => limit(text(directory, file));
const limit = (value: string): number => (value.trim() === "max" ? Number.MAX_SAFE_INTEGER : Number(value) || 0);

function pidsBelow(directory: string): number[] {
  const own = text(directory, "cgroup.procs").trim().split("\n").filter(Boolean).map(Number);
  return [...own, ...childrenOf(directory).flatMap(pidsBelow)];
}

function childrenOf(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => join(directory, entry.name));
  } catch {
    return [];
  }
}

/** `name value` lines. */
export function parseFlat(content: string): Record<string, number> {
  const pairs = content.split("\n").map((line) => line.split(" "));
  return Object.fromEntries(pairs.filter((pair) => pair.length === 2).map(([name, value]) => [name!, Number(value)]));
}

/** Clock ticks of cpuacct.stat are hundredths of a second. */
const nanosPerTick = 10_000_000;

function separateStats(controller: (name: string) => string): CgroupStats {
  const [cpu, memory] = [controller("cpuacct"), controller("memory")];
  const usage = parseFlat(text(cpu, "cpuacct.stat"));
  const throttle = parseFlat(text(controller("cpu"), "cpu.stat"));
  return {
    cpuTotalNanos: number(cpu, "cpuacct.usage"),
    cpuUserNanos: (usage["user"] ?? 0) * nanosPerTick,
    cpuKernelNanos: (usage["system"] ?? 0) * nanosPerTick,
    perCpuNanos: text(cpu, "cpuacct.usage_percpu").trim().split(" ").filter(Boolean).map(Number),
    throttling: {
      periods: throttle["nr_periods"] ?? 0,
      throttled: throttle["nr_throttled"] ?? 0,
      throttledNanos: throttle["throttled_time"] ?? 0,
    },
    memoryBytes: number(memory, "memory.usage_in_bytes"),
    memoryMaxBytes: number(memory, "memory.max_usage_in_bytes"),
    memoryLimitBytes: number(memory, "memory.limit_in_bytes"),
    memoryFailures: number(memory, "memory.failcnt"),
    memoryDetails: parseFlat(text(memory, "memory.stat")),
    pids: number(controller("pids"), "pids.current"),
    pidsLimit: number(controller("pids"), "pids.max"),
    blockIo: parseBlkio(
      text(controller("blkio"), "blkio.throttle.io_service_bytes_recursive"),
      text(controller("blkio"), "blkio.throttle.io_serviced_recursive"),
    ),
  };
}

/** `8:0 Read 4096` lines of two files. */
export function parseBlkio(bytesText: string, iosText: string): CgroupStats["blockIo"] {
  const rows = (content: string) =>
    content.split("\n").flatMap((line) => {
      const match = /^(\d+):(\d+) (\w+) (\d+)$/.exec(line);
      return match
        ? [{ major: Number(match[1]), minor: Number(match[2]), op: match[3]!.toLowerCase(), value: Number(match[4]) }]
        : [];
    });
  const ios = rows(iosText);
  return rows(bytesText).map(({ major, minor, op, value }) => {
    const same = ios.find((row) => row.major === major && row.minor === minor && row.op === op);
    return { major, minor, op, bytes: value, ios: same?.value ?? 0 };
  });
}

function unifiedStats(directory: string): CgroupStats {
  const cpu = parseFlat(text(directory, "cpu.stat"));
  const micros = (name: string) => (cpu[name] ?? 0) * 1000;
  return {
    cpuTotalNanos: micros("usage_usec"),
    cpuUserNanos: micros("user_usec"),
    cpuKernelNanos: micros("system_usec"),
    perCpuNanos: [],
    throttling: {
      periods: cpu["nr_periods"] ?? 0,
      throttled: cpu["nr_throttled"] ?? 0,
      throttledNanos: micros("throttled_usec"),
    },
    memoryBytes: number(directory, "memory.current"),
    memoryMaxBytes: number(directory, "memory.peak"),
    memoryLimitBytes: limit(text(directory, "memory.max") || "max"),
    memoryFailures: parseFlat(text(directory, "memory.events"))["oom"] ?? 0,
    memoryDetails: parseFlat(text(directory, "memory.stat")),
    pids: number(directory, "pids.current"),
    pidsLimit: limit(text(directory, "pids.max") || "max"),
    blockIo: parseIoStat(text(directory, "io.stat")),
  };
}

/** `8:0 rbytes=1 wbytes=2 rios=3 wios=4` lines. */
export function parseIoStat(content: string): CgroupStats["blockIo"] {
  return content.split("\n").flatMap((line) => {
    const match = /^(\d+):(\d+) (.*)$/.exec(line);
    if (!match) return [];
    const values = Object.fromEntries(match[3]!.split(" ").map((pair) => pair.split("="))) as Record<string, string>;
    const device = { major: Number(match[1]), minor: Number(match[2]) };
    return [
      { ...device, op: "read", bytes: Number(values["rbytes"] ?? 0), ios: Number(values["rios"] ?? 0) },
      { ...device, op: "write", bytes: Number(values["wbytes"] ?? 0), ios: Number(values["wios"] ?? 0) },
    ];
  });
}
