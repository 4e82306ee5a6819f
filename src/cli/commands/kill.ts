import { actOnContainer } from "../../client/containers.ts";
import { command } from "../command.ts";
import { forEachArgument } from "../each.ts";

export const kill = command({
  summary: "Send a signal to running containers, SIGKILL unless said otherwise",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  args: { min: 1 },
  completes: "running",
  flags: { signal: { type: "string", short: "s", help: "Signal to send" } },
  examples: [["isle kill -s HUP web", "Make a server read its configuration again"]],
  run: (context) =>
    forEachArgument(
      context,
      async (name) => {
        await actOnContainer(context.client, name, { verb: "kill", query: { signal: context.flags.signal } });
        return name;
      },
      { together: true },
    ),
});
