import { existsSync, readFileSync } from "node:fs";
import { cpus, hostname, release, totalmem } from "node:os";
import type { MachineFacts } from "../../../core/machine.ts";
import { readTextIfPresent } from "../../../os/files.ts";
import { bootId } from "../../../os/proc.ts";

const capSysResource = 24n;

const blockIoWeightFiles = ["blkio.weight", "blkio.bfq.weight"];

export function readFacts(): MachineFacts {
  const version = existsSync("/sys/fs/cgroup/cgroup.controllers") ? 2 : 1;
  const osRelease = parseOsRelease(readTextIfPresent("/etc/os-release") ?? "");
  const status = readFileSync("/proc/self/status", "utf8");
  return {
    cgroupVersion: version,
    controllers: version === 2 ? unifiedControllers() : separateControllers(),
    swapLimit: version === 2 || existsSync("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes"),
    blockIoWeight: version === 2 || blockIoWeightFiles.some((file) => existsSync(`/sys/fs/cgroup/blkio/${file}`)),
    cpus: cpus().length,
    memoryBytes: totalmem(),
    kernel: release(),
    operatingSystem: osRelease["PRETTY_NAME"] ?? "Linux",
    osVersion: osRelease["VERSION_ID"] ?? "",
    hostname: hostname(),
    apparmor: (readTextIfPresent("/sys/module/apparmor/parameters/enabled") ?? "").startsWith("Y"),
    selinux: existsSync("/sys/fs/selinux/enforce"),
    seccomp: /^Seccomp:/m.test(status),
    mayRaiseLimits: hasCapability(status, capSysResource),
    hardLimits: parseLimits(readFileSync("/proc/self/limits", "utf8")),
    bootId: bootId(),
  };
}

const unifiedControllers = (): Set<string> =>
  new Set(readFileSync("/sys/fs/cgroup/cgroup.controllers", "utf8").trim().split(" "));

function separateControllers(): Set<string> {
  const lines = (readTextIfPresent("/proc/cgroups") ?? "").split("\n").slice(1);
  const enabled = lines.map((line) => line.split("\t")).filter((fields) => fields[3] === "1");
  return new Set(enabled.map(([name]) => name!).filter((name) => existsSync(`/sys/fs/cgroup/${name}`)));
}

function hasCapability(status: string, bit: bigint): boolean {
  const mask = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return ((mask >> bit) & 1n) === 1n;
}

/** Reads os-release(5). */
export function parseOsRelease(text: string): Record<string, string> {
  const entries = text.split("\n").flatMap((line) => {
    const match = /^([A-Z_]+)=(?:"(.*)"|'(.*)'|(.*))$/.exec(line);
    return match ? [[match[1]!, match[2] ?? match[3] ?? match[4] ?? ""]] : [];
  });
  return Object.fromEntries(entries) as Record<string, string>;
}

const limitNames: Record<string, string> = {
  "Max open files": "RLIMIT_NOFILE",
  "Max processes": "RLIMIT_NPROC",
  "Max locked memory": "RLIMIT_MEMLOCK",
  "Max core file size": "RLIMIT_CORE",
  "Max stack size": "RLIMIT_STACK",
  "Max data size": "RLIMIT_DATA",
  "Max file size": "RLIMIT_FSIZE",
  "Max pending signals": "RLIMIT_SIGPENDING",
  "Max msgqueue size": "RLIMIT_MSGQUEUE",
  "Max nice priority": "RLIMIT_NICE",
  "Max realtime priority": "RLIMIT_RTPRIO",
  "Max realtime timeout": "RLIMIT_RTTIME",
  "Max cpu time": "RLIMIT_CPU",
  "Max file locks": "RLIMIT_LOCKS",
  "Max resident set": "RLIMIT_RSS",
};

/** Hard limits of /proc/self/limits, unlimited ones left out. */
export function parseLimits(text: string): Record<string, number> {
  const entries = text.split("\n").flatMap((line) => {
    const name = limitNames[line.slice(0, 26).trim()];
    const hard = line.slice(26).trim().split(/\s+/)[1];
    return name && hard && hard !== "unlimited" ? [[name, Number(hard)] as const] : [];
  });
  return Object.fromEntries(entries);
}
