import type { ImageHistoryResponseItem } from "../../api/generated/engine-api.ts";
import { shortId } from "../../base/id.ts";
import { formatBytes } from "../../base/size.ts";
import { imageHistory } from "../../client/images.ts";
import { command } from "../command.ts";
import { formatFlag } from "../flags/shared.ts";
import { ago, ellipsis } from "../format/human.ts";
import { type Fields, formatList } from "../format/list.ts";

export const history = command({
  summary: "Show how an image was made",
  usage: "[OPTIONS] IMAGE",
  args: { min: 1, max: 1 },
  completes: "images",
  flags: {
    format: formatFlag,
    human: { type: "bool", short: "H", default: true, help: "Sizes and times as people read them" },
    "no-trunc": { type: "bool", help: "Do not shorten" },
    platform: { type: "string", help: "Show the image of this platform" },
    quiet: { type: "bool", short: "q", help: "Print ids only" },
  },
  async run({ flags, args, client, io }) {
    const items = await imageHistory(client, args[0]!, flags.platform);
    const fields = historyFields({ trunc: !flags["no-trunc"], human: flags.human });
    if (flags.quiet && flags.format === "") {
      await io.stdout.write(items.map((item) => `${fields["ID"]!.value(item)}\n`).join(""));
      return undefined;
    }
    const columns = ["ID", flags.human ? "CreatedSince" : "CreatedAt", "CreatedBy", "Size", "Comment"];
    await io.stdout.write(await formatList(items, { fields, columns, format: flags.format }));
    return undefined;
  },
});

interface Shape {
  readonly trunc: boolean;
  readonly human: boolean;
}

function historyFields({ trunc, human }: Shape): Fields<ImageHistoryResponseItem> {
  const instant = (seconds: number) => new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
  return {
    ID: { header: "IMAGE", value: ({ Id }) => (trunc ? shortId(Id!) : Id) },
    CreatedSince: { header: "CREATED", value: ({ Created }) => ((Created ?? 0) > 0 ? ago(Created!) : "N/A") },
    CreatedAt: { header: "CREATED AT", value: ({ Created }) => instant(Created ?? 0) },
    CreatedBy: {
      header: "CREATED BY",
      value: ({ CreatedBy }) => {
        const text = (CreatedBy ?? "").replaceAll("\t", " ");
        return trunc ? ellipsis(text, 45) : text;
      },
    },
    Size: { header: "SIZE", value: ({ Size }) => (human ? formatBytes(Size ?? 0, 3) : String(Size ?? 0)) },
    Comment: { header: "COMMENT", value: ({ Comment }) => Comment ?? "" },
  };
}
