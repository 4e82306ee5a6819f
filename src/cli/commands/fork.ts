import { forkContainer } from "../../client/containers.ts";
import { command } from "../command.ts";

export const fork = command({
  summary: "Make running copies of a running microVM, with its memory and its disk",
  usage: "[OPTIONS] CONTAINER",
  args: { min: 1, max: 1 },
  completes: "running",
  flags: {
    number: { type: "int", short: "n", default: 1, help: "How many copies" },
    name: { type: "string", help: "Name of the copy; of several it gets a number behind it" },
  },
  examples: [
    ["isle fork web", "A second one, as the first is now, with a name and an address of its own"],
    ["isle fork -n 3 --name try warm", "try-1, try-2 and try-3 begin where warm is"],
  ],
  async run({ flags, args, client, print }) {
    const names =
      flags.name === "" || flags.number === 1
        ? [flags.name].filter(Boolean)
        : Array.from({ length: Math.max(flags.number, 0) }, (_, i) => `${flags.name}-${i + 1}`);
    const { Ids } = await forkContainer(client, args[0]!, { Count: flags.number, Names: names });
    for (const id of Ids) await print(id);
    return undefined;
  },
});
