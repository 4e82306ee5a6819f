import { expect } from "bun:test";
import { spawnSync } from "node:child_process";
import { readdirSync, readlinkSync } from "node:fs";
import type { TestDaemon } from "./daemon.ts";

export interface Possessions {
  /** Command lines of everything that runs in the daemon's namespaces, but for the daemon itself. */
  readonly processes: readonly string[];
  readonly mounts: readonly string[];
  /** Network namespaces, those made ahead included. */
  readonly namespaces: number;
  readonly instanceDirectories: readonly string[];
  readonly cgroups: readonly string[];
  /** Open files of the daemon by kind, such as `socket` or a path's directory. */
  readonly openFiles: number;
}

/** All that a daemon and its containers hold, to be compared before and after; helpers that wait for work are left to go. */
export async function possessionsOf(daemon: TestDaemon): Promise<Possessions> {
  await eventually(
    async () => spawnSync("pgrep", ["-P", String(daemon.pid()), "-f", "isle-confined"]).stdout.toString(),
    (waiting) => expect(waiting).toBe(""),
    20_000,
  );
  const lines = async (script: string) => {
    const { stdout } = await daemon.inNamespaces(["sh", "-c", script]);
    return stdout.split("\n").filter(Boolean).sort();
  };
  const { dataRoot, execRoot, directory } = daemon;
  return {
    processes: (await lines("ps -e -o comm= | sort")).filter((name) => !/^(ps|sh|sort|catatonit|nsenter)$/.test(name)),
    // Namespaces made ahead come and go by themselves.
    mounts: await lines(`grep ' ${directory}/' /proc/self/mounts | cut -d' ' -f2 | grep -v ${execRoot}/netns/`),
    namespaces: (await lines(`ls ${execRoot}/netns 2>/dev/null`)).length,
    instanceDirectories: await lines(`ls ${dataRoot}/instances`),
    cgroups: await lines(
      `for id in $(ls ${dataRoot}/instances); do ls -d /sys/fs/cgroup/*/isle/$id /sys/fs/cgroup/isle/$id 2>/dev/null; done`,
    ),
    openFiles: openFilesOf(daemon.pid()),
  };
}

function openFilesOf(pid: number): number {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory).filter((fd) => {
    try {
      return readlinkSync(`${directory}/${fd}`) !== "";
    } catch {
      return false;
    }
  }).length;
}

/** Reads again until the check passes, since the ends of processes and connections take their time. */
export async function eventually<T>(read: () => Promise<T>, check: (value: T) => void, timeoutMs = 5000): Promise<T> {
  const limit = performance.now() + timeoutMs;
  for (;;) {
    const value = await read();
    try {
      check(value);
      return value;
    } catch (error) {
      if (performance.now() > limit) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
