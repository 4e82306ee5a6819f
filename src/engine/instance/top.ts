import { IsleError, invalid, unsupported } from "../../base/error.ts";
import type { InstanceRecord } from "../../core/instance.ts";
import type { InstanceDeps } from "./deps.ts";
import { publishInstanceEvent } from "./events.ts";
import { findInstance, requireAwake, runtimeOf } from "./find.ts";
import { cgroupPath } from "./instance-spec.ts";

export interface ProcessTable {
  readonly titles: string[];
  readonly rows: string[][];
}

/** `ps` of the host with the given arguments, only the instance's processes. */
export async function listProcesses(deps: InstanceDeps, text: string, args: string): Promise<ProcessTable> {
  const record = requireAwake(findInstance(deps, text));
  const runtime = runtimeOf(deps, record);
  if (runtime.processes) return await guestTable(deps, record, args);
  const words = (args || "-ef").split(/\s+/).filter(Boolean);
  if (words.some((word) => !/^-?[\w=,:%-]+$/.test(word))) throw invalid(`invalid ps arguments: ${args}`);
  const pids = new Set(deps.machine.cgroup(cgroupPath(deps, record)).pids());
  if (pids.size === 0) pids.add(record.state.pid);
  publishInstanceEvent(deps, record, "top");
  return filterTable(await deps.machine.processTable(words), pids);
}

/** In the columns of `ps -ef`; other arguments would be for a ps that the host does not have for these processes. */
async function guestTable(deps: InstanceDeps, record: InstanceRecord, args: string): Promise<ProcessTable> {
  const runtime = runtimeOf(deps, record);
  if (args !== "" && args !== "-ef") {
    throw unsupported(`ps arguments cannot be given for isolation ${runtime.isolation}: ${args}`, {
      hint: "leave them out, or run ps inside with exec",
    });
  }
  const processes = (await runtime.processes?.(record.id)) ?? [];
  publishInstanceEvent(deps, record, "top");
  return {
    titles: ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"],
    rows: processes.map(({ uid, pid, ppid, startedAt, terminal, cpuTime, command }) =>
      [uid, pid, ppid, 0, startedAt, terminal, cpuTime, command].map(String),
    ),
  };
}

/** Keeps rows whose PID is in the set; the last column may contain spaces. */
export function filterTable(output: string, pids: ReadonlySet<number>): ProcessTable {
  const [head = "", ...lines] = output.trimEnd().split("\n");
  const titles = head.trim().split(/\s+/);
  const column = titles.indexOf("PID");
  if (column === -1) throw new IsleError("invalid", "Couldn't find PID field in ps output");
  const rows = lines.map((line) => splitRow(line, titles.length)).filter((row) => pids.has(Number(row[column])));
  return { titles, rows };
}

function splitRow(line: string, columns: number): string[] {
  const words = line.trim().split(/\s+/);
  return [...words.slice(0, columns - 1), words.slice(columns - 1).join(" ")];
}
