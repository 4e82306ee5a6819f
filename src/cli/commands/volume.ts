import type { Volume } from "../../api/generated/engine-api.ts";
import { isCode } from "../../base/error.ts";
import { formatBytes } from "../../base/size.ts";
import { createVolume, listVolumes, removeVolume } from "../../client/volumes.ts";
import { command } from "../command.ts";
import { labels } from "../create/environment.ts";
import { compact } from "../create/resources.ts";
import { forEachArgument } from "../each.ts";
import { usageError } from "../exit.ts";
import { filterFlag, filtersOf, formatFlag } from "../flags/shared.ts";
import { type Fields, formatList } from "../format/list.ts";
import { formatLabels } from "./ps.ts";

export const volumeLs = command({
  summary: "List volumes",
  usage: "[OPTIONS]",
  args: { min: 0, max: 0 },
  flags: {
    filter: filterFlag,
    format: formatFlag,
    quiet: { type: "bool", short: "q", help: "Print names only" },
  },
  async run({ flags, client, config, io }) {
    const items = (await listVolumes(client, filtersOf(flags.filter))).Volumes ?? [];
    items.sort((a, b) => ((a.Name ?? "") < (b.Name ?? "") ? -1 : 1));
    const format = flags.format || (flags.quiet ? "" : (config().data.volumesFormat ?? ""));
    if (flags.quiet && format === "") {
      await io.stdout.write(items.map(({ Name }) => `${Name}\n`).join(""));
      return undefined;
    }
    await io.stdout.write(await formatList(items, { fields: volumeFields, columns: ["Driver", "Name"], format }));
    return undefined;
  },
});

const missing = "N/A";

/** What can be shown of a volume. */
export const volumeFields: Fields<Volume> = {
  Driver: { header: "DRIVER", value: ({ Driver }) => Driver ?? "" },
  Name: { header: "VOLUME NAME", value: ({ Name }) => Name ?? "" },
  Scope: { header: "SCOPE", value: ({ Scope }) => Scope ?? "" },
  Mountpoint: { header: "MOUNTPOINT", value: ({ Mountpoint }) => Mountpoint ?? "" },
  Labels: { header: "LABELS", value: ({ Labels }) => formatLabels(Labels) },
  Links: { header: "LINKS", value: ({ UsageData }) => (UsageData ? String(UsageData.RefCount) : missing) },
  Size: { header: "SIZE", value: ({ UsageData }) => (UsageData ? formatBytes(UsageData.Size ?? 0) : missing) },
  Availability: { header: "AVAILABILITY", value: () => missing },
  Group: { header: "GROUP", value: () => missing },
  Status: { header: "STATUS", value: () => missing },
};

export const volumeCreate = command({
  summary: "Make a volume",
  usage: "[OPTIONS] [VOLUME]",
  args: { min: 0, max: 1 },
  flags: {
    driver: { type: "string", short: "d", default: "local", help: "Driver of the volume" },
    label: { type: "list", help: "Set a label" },
    name: { type: "string", help: "Name of the volume", hidden: true },
    opt: { type: "map", short: "o", help: "Option of the driver" },
  },
  async run({ flags, args, client, print }) {
    if (flags.name !== "" && args.length > 0)
      throw usageError("conflicting options: cannot specify a volume-name through both --name and as a positional arg");
    const Labels = labels([], flags.label, { env: {}, cwd: "/", readText: () => "" });
    const body = compact({ Name: args[0] ?? flags.name, Driver: flags.driver, DriverOpts: flags.opt, Labels });
    await print((await createVolume(client, body)).Name!);
    return undefined;
  },
});

export const volumeRm = command({
  summary: "Remove volumes that no container uses",
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  args: { min: 1 },
  completes: "volumes",
  flags: { force: { type: "bool", short: "f", help: "One that is gone is no error" } },
  run(context) {
    const { flags, client } = context;
    return forEachArgument(context, async (name) => {
      try {
        await removeVolume(client, name, flags.force);
      } catch (error) {
        if (!flags.force || !isCode(error, "notFound")) throw error;
      }
      return name;
    });
  },
});
