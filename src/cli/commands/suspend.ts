import { keepContainer } from "../../client/containers.ts";
import { command } from "../command.ts";
import { forEachArgument } from "../each.ts";

export const suspend = keeper("suspend", "Save running microVMs to disk and give back their memory and processor", [
  "isle suspend web",
  "Its processes stand still on disk until isle resume, also while this machine is off",
]);

export const resume = keeper("resume", "Let suspended microVMs go on where they were", [
  "isle resume web",
  "Same processes, address, name and log; the clock is right again",
]);

function keeper(verb: "suspend" | "resume", summary: string, example: readonly [string, string]) {
  return command({
    summary,
    usage: "CONTAINER [CONTAINER...]",
    args: { min: 1 },
    completes: "running",
    flags: {},
    examples: [example],
    run: (context) =>
      forEachArgument(context, async (name) => {
        await keepContainer(context.client, name, verb);
        return name;
      }),
  });
}
