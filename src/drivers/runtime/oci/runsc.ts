import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { GuestProcess } from "../../../core/runtime.ts";

/**
 * What gVisor's runsc is told: a network stack of its own, and files written through to the root, where copies, diffs
 * and commits find them, instead of kept in an overlay that only the sandbox sees.
 */
export const runscArgs: readonly string[] = ["--network=sandbox", "--overlay2=none", "--file-access=shared"];

/** For one sandbox: it connects to sockets of the machine that are bound in. */
export const openSocketsArg = "--host-uds=open";

/**
 * Writes a program that starts runsc where it sees no /proc/sys/net. Releases of runsc before the autumn of 2024 take a
 * network namespace for the machine's own when that has net.core.rmem_default, which every namespace has since Linux
 * 6.11, and refuse to start. Returns its path.
 */
export function writeRunscLauncher(runsc: string, launcher: string): string {
  mkdirSync(dirname(launcher), { recursive: true, mode: 0o700 });
  writeFileSync(launcher, launcherScript(runsc));
  chmodSync(launcher, 0o700);
  return launcher;
}

export const launcherScript = (runsc: string): string =>
  [
    "#!/bin/sh",
    `exec unshare --mount sh -c 'mount -t tmpfs -o ro,size=4k isle /proc/sys/net && exec "$0" "$@"' ${quote(runsc)} "$@"`,
    "",
  ].join("\n");

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** What is there in runsc's directory of states as long as it knows a container. */
export const runscStateFile = (id: string): string => `${id}_sandbox:${id}.state`;

/** Reads the answer of `runsc ps --format=table`: fixed columns, the command last. */
export function parseProcesses(text: string): GuestProcess[] {
  const [, ...lines] = text.trimEnd().split("\n");
  return lines.map((line) => {
    const [uid, pid, ppid, , terminal = "", startedAt = "", cpuTime = "", ...command] = line.trim().split(/\s+/);
    return {
      ...{ uid: Number(uid), pid: Number(pid), ppid: Number(ppid) },
      ...{ terminal, startedAt, cpuTime, command: command.join(" ") },
    };
  });
}
