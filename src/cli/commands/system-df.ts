import type { ContainerSummary, ImageSummary } from "../../api/generated/engine-api.ts";
import { formatBytes } from "../../base/size.ts";
import { type DiskUsage, diskUsage, type KeptMachines, keptMachines } from "../../client/system.ts";
import { command } from "../command.ts";
import { formatFlag } from "../flags/shared.ts";
import { type Fields, formatList, lazily } from "../format/list.ts";
import { imageFields, namesOf } from "./images.ts";
import { containerFields } from "./ps.ts";
import { volumeFields } from "./volume.ts";

export const systemDf = command({
  summary: "Show how much of the disk is used",
  usage: "[OPTIONS]",
  args: { min: 0, max: 0 },
  flags: { format: formatFlag, verbose: { type: "bool", short: "v", help: "Show every image, container and volume" } },
  async run({ flags, client, io }) {
    const usage = await diskUsage(client);
    if (flags.verbose) {
      await io.stdout.write(await (flags.format === "" ? verbose(usage) : verboseByTemplate(usage, flags.format)));
    } else {
      const columns = ["Type", "TotalCount", "Active", "Size", "Reclaimable"];
      // Who gives a format reads Docker's four rows.
      const machines = flags.format === "" ? machineRows(await keptMachines(client)) : [];
      const rows = [...rowsOf(usage), ...machines];
      await io.stdout.write(await formatList(rows, { fields, columns, format: flags.format }));
    }
    return undefined;
  },
});

interface Row {
  readonly type: string;
  readonly total: number;
  readonly active: number;
  readonly bytes: number;
  readonly reclaimable: number;
  /** The share that could be freed is shown. */
  readonly showsShare: boolean;
}

const fields: Fields<Row> = {
  Type: { header: "TYPE", value: ({ type }) => type },
  TotalCount: { header: "TOTAL", value: ({ total }) => String(total) },
  Active: { header: "ACTIVE", value: ({ active }) => String(active) },
  Size: { header: "SIZE", value: ({ bytes }) => formatBytes(bytes) },
  Reclaimable: { header: "RECLAIMABLE", value: reclaimable },
};

function reclaimable({ bytes, reclaimable: free, showsShare }: Row): string {
  const share = showsShare && bytes > 0 ? ` (${Math.floor((free * 100) / bytes)}%)` : "";
  return `${formatBytes(free)}${share}`;
}

function rowsOf(usage: DiskUsage): Row[] {
  return [imageRow(usage), containerRow(usage.Containers ?? []), volumeRow(usage), cacheRow(usage)];
}

/** Only where there are any: Docker's table has no such rows. Memory is no room on a disk, so it has a row of its own. */
function machineRows(kept: KeptMachines | undefined): Row[] {
  if (!kept) return [];
  const { Templates, Waiting, Suspended } = kept;
  const row = (type: string, total: number, bytes: number): Row => {
    const isFree = type !== suspendedType;
    return { type, total, active: 0, bytes, reclaimable: isFree ? bytes : 0, showsShare: true };
  };
  return [
    row("MicroVM Templates", Templates.Count, Templates.Size),
    row("Waiting MicroVMs", Waiting.Count, Waiting.Size),
    row("Waiting (memory)", Waiting.Count, Waiting.Memory),
    row(suspendedType, Suspended.Count, Suspended.Size),
  ].filter(({ total }) => total > 0);
}

const suspendedType = "Suspended MicroVMs";

function imageRow({ Images, LayersSize }: DiskUsage): Row {
  const images = Images ?? [];
  const active = images.filter(({ Containers }) => (Containers ?? 0) > 0);
  const used = active.reduce((sum, { Size, SharedSize }) => sum + ownBytes({ Size, SharedSize }), 0);
  const bytes = LayersSize ?? 0;
  return {
    type: "Images",
    total: images.length,
    active: active.length,
    bytes,
    reclaimable: bytes - used,
    showsShare: true,
  };
}

const ownBytes = ({ Size, SharedSize }: Pick<ImageSummary, "Size" | "SharedSize">): number =>
  (Size ?? -1) < 0 || (SharedSize ?? -1) < 0 ? 0 : (Size ?? 0) - (SharedSize ?? 0);

function containerRow(containers: readonly ContainerSummary[]): Row {
  const isActive = ({ State }: ContainerSummary) => ["running", "paused", "restarting"].includes(State ?? "");
  const sum = (items: readonly ContainerSummary[]) => items.reduce((total, { SizeRw }) => total + (SizeRw ?? 0), 0);
  const idle = containers.filter((item) => !isActive(item));
  const active = containers.length - idle.length;
  return {
    type: "Containers",
    total: containers.length,
    active,
    bytes: sum(containers),
    reclaimable: sum(idle),
    showsShare: true,
  };
}

function volumeRow({ Volumes }: DiskUsage): Row {
  const volumes = Volumes ?? [];
  const size = ({ UsageData }: (typeof volumes)[number]) => Math.max(UsageData?.Size ?? 0, 0);
  const idle = volumes.filter(({ UsageData }) => (UsageData?.RefCount ?? 0) <= 0);
  const sum = (items: typeof volumes) => items.reduce((total, item) => total + size(item), 0);
  const active = volumes.length - idle.length;
  return {
    type: "Local Volumes",
    total: volumes.length,
    active,
    bytes: sum(volumes),
    reclaimable: sum(idle),
    showsShare: true,
  };
}

function cacheRow({ BuildCache }: DiskUsage): Row {
  const records = (BuildCache ?? []) as { Size?: number; InUse?: boolean; Shared?: boolean }[];
  const own = records.filter(({ Shared }) => !Shared);
  const sum = (items: typeof records) => items.reduce((total, { Size }) => total + (Size ?? 0), 0);
  const active = records.filter(({ InUse }) => InUse).length;
  const free = sum(own.filter(({ InUse }) => !InUse));
  return { type: "Build Cache", total: records.length, active, bytes: sum(own), reclaimable: free, showsShare: false };
}

async function verbose(usage: DiskUsage): Promise<string> {
  const images = (usage.Images ?? []).flatMap((image) => namesOf(image, false));
  const imageColumns = ["Repository", "Tag", "ID", "CreatedSince", "Size", "SharedSize", "UniqueSize", "Containers"];
  const containerColumns = ["ID", "Image", "Command", "LocalVolumes", "Size", "RunningFor", "Status", "Names"];
  const sections = [
    ["Images space usage:", await formatList(images, { fields: imageFields(true), columns: imageColumns, format: "" })],
    [
      "Containers space usage:",
      await formatList(usage.Containers ?? [], { fields: usageFields, columns: containerColumns, format: "" }),
    ],
    [
      "Local Volumes space usage:",
      await formatList(usage.Volumes ?? [], { fields: volumeFields, columns: ["Name", "Links", "Size"], format: "" }),
    ],
    [`Build cache usage: ${formatBytes(cacheRow(usage).bytes)}`, cacheHeader],
  ];
  return `${sections.map(([title, table]) => `${title}\n\n${table}`).join("\n")}`;
}

/** The lists as one object, whose entries have the fields of their tables. */
async function verboseByTemplate(usage: DiskUsage, format: string): Promise<string> {
  const rows = <T>(items: readonly T[], of: Fields<T>) => items.map((item) => lazily(of, item));
  const images = (usage.Images ?? []).flatMap((image) => namesOf(image, false));
  const lists: Fields<DiskUsage> = {
    Images: { header: "", value: () => rows(images, imageFields(true)) },
    Containers: { header: "", value: ({ Containers }) => rows(Containers ?? [], usageFields) },
    Volumes: { header: "", value: ({ Volumes }) => rows(Volumes ?? [], volumeFields) },
    BuildCache: { header: "", value: ({ BuildCache }) => BuildCache ?? [] },
  };
  return (await formatList([usage], { fields: lists, columns: [], format })).trimEnd().concat("\n");
}

const cacheHeader = "CACHE ID   CACHE TYPE   SIZE      CREATED   LAST USED   USAGE     SHARED\n";

const usageFields: Fields<ContainerSummary> = {
  ...containerFields(true),
  Size: { header: "SIZE", value: ({ SizeRw }) => formatBytes(SizeRw ?? 0, 3) },
};
