import { readFileSync } from "node:fs";
import { isErrno } from "../base/error.ts";

/**
 * Start time of a process in clock ticks since boot, undefined when there is none. With the pid it names a process for
 * good, since pids are used again.
 */
export function processStart(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie has ended, whoever still has to reap it.
    return fields[0] === "Z" || fields[0] === "X" ? undefined : Number(fields[19]);
  } catch {
    return undefined;
  }
}

export const isAlive = (pid: number, start: number): boolean => processStart(pid) === start;

/** Changes with every boot of the machine. */
export const bootId = (): string => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();

/** SIGKILL; quiet when the process is gone already. */
export function killNow(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!isErrno(error, "ESRCH")) throw error;
  }
}
