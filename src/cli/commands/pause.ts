import { actOnContainer } from "../../client/containers.ts";
import { command } from "../command.ts";
import { forEachArgument } from "../each.ts";

export const pause = freezer("pause", "Freeze all processes of containers");
export const unpause = freezer("unpause", "Let frozen containers run on");

function freezer(verb: "pause" | "unpause", summary: string) {
  return command({
    summary,
    usage: "CONTAINER [CONTAINER...]",
    args: { min: 1 },
    completes: "running",
    flags: {},
    run: (context) =>
      forEachArgument(
        context,
        async (name) => {
          await actOnContainer(context.client, name, { verb });
          return name;
        },
        { together: true },
      ),
  });
}
