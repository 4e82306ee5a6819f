import { updateContainer } from "../../client/containers.ts";
import { command } from "../command.ts";
import { limitFlags } from "../create/container-flags.ts";
import { restartPolicy } from "../create/create-body.ts";
import { limits } from "../create/resources.ts";
import { forEachArgument } from "../each.ts";
import { usageError } from "../exit.ts";

export const update = command({
  summary: "Change the limits of containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  args: { min: 1 },
  completes: "containers",
  flags: { ...limitFlags, restart: { type: "string", help: "When to start it again" } },
  examples: [["isle update --memory 512m --memory-swap 1g web", "More memory for a running container"]],
  run(context) {
    const { flags, changed, client, warn } = context;
    if (changed.size === 0) throw usageError("you must provide one or more flags when using this command");
    const policy = flags.restart === "no" ? { Name: "no" } : restartPolicy(flags.restart);
    const body = { ...limits(flags), ...(policy && { RestartPolicy: policy }) };
    return forEachArgument(context, async (name) => {
      const { Warnings } = await updateContainer(client, name, body);
      for (const warning of Warnings ?? []) await warn(warning);
      return name;
    });
  },
});
