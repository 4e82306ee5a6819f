import { listExposure, type ShownExposure } from "../../client/networks.ts";
import { command } from "../command.ts";
import { formatFlag } from "../flags/shared.ts";
import { type Fields, formatList } from "../format/list.ts";

export const networkExposure = command({
  summary: "List what of the containers can be reached, and from where",
  usage: "[OPTIONS]",
  args: { min: 0, max: 0 },
  flags: { format: formatFlag },
  async run({ flags, client, io }) {
    const items = await listExposure(client);
    const columns = ["Container", "Port", "At", "From", "Limits"];
    await io.stdout.write(await formatList(items, { fields, columns, format: flags.format }));
    return undefined;
  },
});

const fields: Fields<ShownExposure> = {
  Container: { header: "CONTAINER", value: ({ Instance }) => Instance },
  Port: { header: "PORT", value: ({ Port }) => Port },
  At: { header: "REACHED AT", value: ({ At }) => At },
  From: { header: "FROM", value: ({ From }) => From },
  Limits: { header: "LIMITS", value: ({ Limits }) => Limits },
};
