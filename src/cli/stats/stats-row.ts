import type { ContainerStatsResponse } from "../../api/generated/engine-api.ts";
import { shortId } from "../../base/id.ts";
import { formatBinaryBytes, formatBytes } from "../../base/size.ts";
import type { Fields } from "../format/list.ts";

/** One reading of a container; amounts in bytes, shares in percent. */
export interface StatsRow {
  readonly container: string;
  readonly id: string;
  readonly name: string;
  /** Undefined until a reading came. */
  readonly reading:
    | {
        readonly cpu: number;
        readonly memory: number;
        readonly memoryLimit: number;
        readonly received: number;
        readonly sent: number;
        readonly read: number;
        readonly written: number;
        readonly pids: number;
      }
    | undefined;
}

export const unknownRow = (container: string): StatsRow => ({ container, id: "", name: "", reading: undefined });

/** What one answer of the daemon says. */
export function statsRow(container: string, stats: ContainerStatsResponse): StatsRow {
  const networks = Object.values(stats.networks ?? {}) as { rx_bytes?: number; tx_bytes?: number }[];
  const blocks = stats.blkio_stats?.io_service_bytes_recursive ?? [];
  const sumOf = (operation: string) =>
    blocks.filter(({ op }) => op?.toLowerCase() === operation).reduce((sum, { value }) => sum + (value ?? 0), 0);
  return {
    container,
    id: stats.id ?? "",
    name: (stats.name ?? "").replace(/^\//, ""),
    reading: {
      cpu: cpuPercent(stats),
      memory: memoryBytes(stats),
      memoryLimit: stats.memory_stats?.limit ?? 0,
      received: networks.reduce((sum, { rx_bytes }) => sum + (rx_bytes ?? 0), 0),
      sent: networks.reduce((sum, { tx_bytes }) => sum + (tx_bytes ?? 0), 0),
      read: sumOf("read"),
      written: sumOf("write"),
      pids: stats.pids_stats?.current ?? 0,
    },
  };
}

/** The container's share of the machine's time since the reading before, 100 for one whole processor. */
function cpuPercent({ cpu_stats: now, precpu_stats: before }: ContainerStatsResponse): number {
  const used = (now?.cpu_usage?.total_usage ?? 0) - (before?.cpu_usage?.total_usage ?? 0);
  const passed = (now?.system_cpu_usage ?? 0) - (before?.system_cpu_usage ?? 0);
  const processors = now?.online_cpus || now?.cpu_usage?.percpu_usage?.length || 1;
  return used > 0 && passed > 0 ? (used / passed) * processors * 100 : 0;
}

/** Memory in use without the file cache that could be given back at once. */
function memoryBytes({ memory_stats: memory }: ContainerStatsResponse): number {
  const usage = memory?.usage ?? 0;
  const details = (memory?.stats ?? {}) as Record<string, number>;
  const cache = details["total_inactive_file"] ?? details["inactive_file"] ?? 0;
  return cache < usage ? usage - cache : usage;
}

/** What can be shown of a reading. */
export function statsFields(trunc: boolean): Fields<StatsRow> {
  const when =
    (text: (reading: NonNullable<StatsRow["reading"]>) => string, none = "-- / --") =>
    (row: StatsRow) =>
      row.reading === undefined ? none : text(row.reading);
  const percent = (value: number) => `${value.toFixed(2)}%`;
  const bytes = (value: number) => formatBytes(value, 3);
  return {
    Container: {
      header: "CONTAINER ID",
      value: ({ container, id }) => (trunc ? shortId(id || container) : id || container),
    },
    Name: { header: "NAME", value: ({ name }) => name || "--" },
    ID: { header: "CONTAINER ID", value: ({ id, container }) => (trunc ? shortId(id || container) : id || container) },
    CPUPerc: { header: "CPU %", value: when(({ cpu }) => percent(cpu), "--") },
    MemUsage: {
      header: "MEM USAGE / LIMIT",
      value: when(({ memory, memoryLimit }) => `${formatBinaryBytes(memory)} / ${formatBinaryBytes(memoryLimit)}`),
    },
    MemPerc: {
      header: "MEM %",
      value: when(({ memory, memoryLimit }) => percent(memoryLimit > 0 ? (memory / memoryLimit) * 100 : 0), "--"),
    },
    NetIO: { header: "NET I/O", value: when(({ received, sent }) => `${bytes(received)} / ${bytes(sent)}`) },
    BlockIO: { header: "BLOCK I/O", value: when(({ read, written }) => `${bytes(read)} / ${bytes(written)}`) },
    PIDs: { header: "PIDS", value: when(({ pids }) => String(pids), "--") },
  };
}
