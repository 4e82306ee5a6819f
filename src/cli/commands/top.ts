import { containerTop } from "../../client/containers.ts";
import { command } from "../command.ts";
import { formatTable } from "../format/table.ts";

const columnWidth = 20;

export const top = command({
  summary: "List the processes of a container",
  usage: "CONTAINER [ps OPTIONS]",
  args: { min: 1 },
  completes: "running",
  flags: {},
  flagsFirst: true,
  examples: [["isle top web -o pid,comm", "Choose the columns as for ps"]],
  async run({ args, client, io }) {
    const { Titles, Processes } = await containerTop(client, args[0]!, args.slice(1).join(" "));
    await io.stdout.write(formatTable([Titles ?? [], ...(Processes ?? [])], columnWidth));
    return undefined;
  },
});
