import type { Network } from "../../api/generated/engine-api.ts";
import { shortId } from "../../base/id.ts";
import { listNetworks } from "../../client/networks.ts";
import { command } from "../command.ts";
import { filterFlag, filtersOf, formatFlag } from "../flags/shared.ts";
import { type Fields, formatList } from "../format/list.ts";
import { formatLabels } from "./ps.ts";

export const networkLs = command({
  summary: "List networks",
  usage: "[OPTIONS]",
  args: { min: 0, max: 0 },
  flags: {
    filter: filterFlag,
    format: formatFlag,
    "no-trunc": { type: "bool", help: "Do not shorten" },
    quiet: { type: "bool", short: "q", help: "Print ids only" },
  },
  async run({ flags, client, config, io }) {
    const items = await listNetworks(client, filtersOf(flags.filter));
    items.sort((a, b) => ((a.Name ?? "") < (b.Name ?? "") ? -1 : 1));
    const fields = networkFields(!flags["no-trunc"]);
    const format = flags.format || (flags.quiet ? "" : (config().data.networksFormat ?? ""));
    if (flags.quiet && format === "") {
      await io.stdout.write(items.map((item) => `${fields["ID"]!.value(item)}\n`).join(""));
      return undefined;
    }
    await io.stdout.write(await formatList(items, { fields, columns: ["ID", "Name", "Driver", "Scope"], format }));
    return undefined;
  },
});

function networkFields(trunc: boolean): Fields<Network> {
  return {
    ID: { header: "NETWORK ID", value: ({ Id }) => (trunc ? shortId(Id!) : Id) },
    Name: { header: "NAME", value: ({ Name }) => Name ?? "" },
    Driver: { header: "DRIVER", value: ({ Driver }) => Driver ?? "" },
    Scope: { header: "SCOPE", value: ({ Scope }) => Scope ?? "" },
    IPv4: { header: "IPV4", value: (item) => String((item as { EnableIPv4?: boolean }).EnableIPv4 ?? true) },
    IPv6: { header: "IPV6", value: ({ EnableIPv6 }) => String(EnableIPv6 ?? false) },
    Internal: { header: "INTERNAL", value: ({ Internal }) => String(Internal ?? false) },
    Labels: { header: "LABELS", value: ({ Labels }) => formatLabels(Labels) },
    CreatedAt: { header: "CREATED AT", value: ({ Created }) => goTimestamp(Created ?? "") },
  };
}

/** An RFC 3339 time as Go prints it. */
const goTimestamp = (text: string): string =>
  text
    .replace("T", " ")
    .replace(/\.?0*Z$/, " +0000 UTC")
    .replace(/([+-]\d\d):(\d\d)$/, " $1$2 $1");
