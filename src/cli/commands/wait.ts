import { waitContainer } from "../../client/containers.ts";
import { command } from "../command.ts";
import { forEachArgument } from "../each.ts";

export const wait = command({
  summary: "Wait until containers have ended and print their exit codes",
  usage: "CONTAINER [CONTAINER...]",
  args: { min: 1 },
  completes: "running",
  flags: {},
  run: (context) =>
    forEachArgument(context, async (name) => {
      const { outcome } = await waitContainer(context.client, name, "");
      return String((await outcome).StatusCode);
    }),
});
