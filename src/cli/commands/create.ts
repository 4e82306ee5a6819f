import { command } from "../command.ts";
import { containerFlags } from "../create/container-flags.ts";
import { createFromFlags } from "../create/create-container.ts";

export const create = command({
  summary: "Make a container without starting it",
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  args: { min: 1 },
  flags: containerFlags,
  flagsFirst: true,
  errorStyle: "create",
  completes: "images",
  examples: [["isle create --name job busybox sleep 60", "Prepare a container to start later"]],
  async run(context) {
    const { id } = await createFromFlags(context);
    await context.print(id);
    return undefined;
  },
});
