import { searchImages } from "../../client/images.ts";
import { command } from "../command.ts";
import { filterFlag, filtersOf, formatFlag } from "../flags/shared.ts";
import { ellipsis } from "../format/human.ts";
import { type Fields, formatList } from "../format/list.ts";

interface Found {
  readonly name?: string;
  readonly description?: string;
  readonly star_count?: number;
  readonly is_official?: boolean;
}

export const search = command({
  summary: "Search a registry for images",
  usage: "[OPTIONS] TERM",
  args: { min: 1, max: 1 },
  flags: {
    filter: filterFlag,
    format: formatFlag,
    limit: { type: "int", default: 0, help: "Number of results" },
    "no-trunc": { type: "bool", help: "Do not shorten" },
  },
  async run({ flags, args, client, io }) {
    const query = { term: args[0]!, filters: filtersOf(flags.filter), ...(flags.limit > 0 && { limit: flags.limit }) };
    const items = (await searchImages(client, query)) as Found[];
    const columns = ["Name", "Description", "StarCount", "IsOfficial"];
    const fields = searchFields(!flags["no-trunc"]);
    await io.stdout.write(await formatList(items, { fields, columns, format: flags.format }));
    return undefined;
  },
});

function searchFields(trunc: boolean): Fields<Found> {
  const oneLine = (text: string) => text.replace(/[\r\n]+/g, " ");
  return {
    Name: { header: "NAME", value: ({ name }) => name ?? "" },
    Description: {
      header: "DESCRIPTION",
      value: ({ description }) => (trunc ? ellipsis(oneLine(description ?? ""), 45) : oneLine(description ?? "")),
    },
    StarCount: { header: "STARS", value: ({ star_count }) => String(star_count ?? 0) },
    IsOfficial: { header: "OFFICIAL", value: ({ is_official }) => (is_official ? "[OK]" : "") },
  };
}
