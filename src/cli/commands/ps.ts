import type { ContainerSummary } from "../../api/generated/engine-api.ts";
import { shortId } from "../../base/id.ts";
import { formatBytes } from "../../base/size.ts";
import { listContainers } from "../../client/containers.ts";
import { command } from "../command.ts";
import { filterFlag, filtersOf, formatFlag } from "../flags/shared.ts";
import { ago, ellipsis, goTime } from "../format/human.ts";
import { type Fields, formatList } from "../format/list.ts";
import { formatPorts } from "../format/ports.ts";

export const ps = command({
  summary: "List containers",
  usage: "[OPTIONS]",
  args: { min: 0, max: 0 },
  flags: {
    all: { type: "bool", short: "a", help: "Show those that do not run, too" },
    filter: filterFlag,
    format: formatFlag,
    last: { type: "int", short: "n", default: -1, help: "Show the last N that were made" },
    latest: { type: "bool", short: "l", help: "Show the last that was made" },
    "no-trunc": { type: "bool", help: "Do not shorten" },
    quiet: { type: "bool", short: "q", help: "Print ids only" },
    size: { type: "bool", short: "s", help: "Show sizes" },
  },
  examples: [
    ["isle ps -a --filter status=exited", "List containers that have ended"],
    ["isle ps --format '{{.Names}}\\t{{.Status}}'", "Print names and states"],
  ],
  async run({ flags, changed, client, config, io }) {
    const limit = flags.latest ? 1 : flags.last;
    const format = flags.format || (flags.quiet ? "" : (config().data.psFormat ?? ""));
    const items = await listContainers(client, {
      all: flags.all,
      filters: filtersOf(flags.filter),
      size: flags.size || (/\.Size\b|json \./.test(format) && !changed.has("size")),
      ...(limit > 0 && { limit }),
    });
    const trunc = !flags["no-trunc"];
    const fields = containerFields(trunc);
    if (flags.quiet && format === "") {
      await io.stdout.write(items.map((item) => `${fields["ID"]!.value(item)}\n`).join(""));
      return undefined;
    }
    const columns = [...psColumns, ...(flags.size ? ["Size"] : [])];
    await io.stdout.write(await formatList(items, { fields, columns, format }));
    return undefined;
  },
});

const psColumns = ["ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"];

/** What can be shown of a container. */
export function containerFields(trunc: boolean): Fields<ContainerSummary> {
  return {
    ID: { header: "CONTAINER ID", value: ({ Id }) => (trunc ? shortId(Id!) : Id) },
    Image: { header: "IMAGE", value: (item) => imageName(item, trunc) },
    Command: {
      header: "COMMAND",
      value: ({ Command }) => quote(trunc ? ellipsis(Command ?? "", 20) : (Command ?? "")),
    },
    CreatedAt: { header: "CREATED AT", value: ({ Created }) => goTime(Created ?? 0) },
    RunningFor: { header: "CREATED", value: ({ Created }) => ago(Created ?? 0) },
    Ports: { header: "PORTS", value: ({ Ports }) => formatPorts(Ports ?? []) },
    State: { header: "STATE", value: ({ State }) => State ?? "" },
    Status: { header: "STATUS", value: ({ Status }) => Status ?? "" },
    Size: { header: "SIZE", value: size },
    Names: { header: "NAMES", value: ({ Names }) => ownNames(Names ?? [], trunc).join(",") },
    Labels: { header: "LABELS", value: ({ Labels }) => formatLabels(Labels) },
    Label: {
      header: "LABELS",
      value:
        ({ Labels }) =>
        (name: unknown) =>
          Labels?.[String(name)] ?? "",
    },
    Platform: { header: "PLATFORM", value: () => null },
    Mounts: { header: "MOUNTS", value: (item) => mounts(item, trunc) },
    LocalVolumes: {
      header: "LOCAL VOLUMES",
      value: ({ Mounts }) => String((Mounts ?? []).filter(({ Driver }) => Driver === "local").length),
    },
    Networks: {
      header: "NETWORKS",
      value: ({ NetworkSettings }) =>
        Object.keys(NetworkSettings?.Networks ?? {})
          .sort()
          .join(","),
    },
  };
}

function imageName({ Image, ImageID }: ContainerSummary, trunc: boolean): string {
  if (!Image) return "<no image>";
  if (!trunc) return Image;
  if (ImageID && shortId(ImageID) === shortId(Image)) return shortId(Image);
  return Image.includes("@") && /:[^/]*@/.test(Image) ? Image.slice(0, Image.indexOf("@")) : Image;
}

const quote = (text: string): string => JSON.stringify(text);

/** Names the container has itself; those with a further slash are links to it. */
function ownNames(names: readonly string[], trunc: boolean): string[] {
  const stripped = names.map((name) => name.replace(/^\//, ""));
  return trunc ? stripped.filter((name) => !name.includes("/")) : stripped;
}

function size({ SizeRw, SizeRootFs }: ContainerSummary): string {
  const own = formatBytes(SizeRw ?? 0, 3);
  return SizeRootFs ? `${own} (virtual ${formatBytes(SizeRootFs, 3)})` : own;
}

export const formatLabels = (labels: Record<string, string | null> | null | undefined): string =>
  Object.entries(labels ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value ?? ""}`)
    .join(",");

function mounts({ Mounts }: ContainerSummary, trunc: boolean): string {
  const names = (Mounts ?? []).map(({ Name, Source }) => Name || Source || "");
  return names.map((name) => (trunc ? ellipsis(name, 15) : name)).join(",");
}
