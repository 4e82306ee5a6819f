import { actOnContainer } from "../../client/containers.ts";
import { command } from "../command.ts";
import { errorText } from "../error-text.ts";
import { usageError } from "../exit.ts";

export const rename = command({
  summary: "Give a container another name",
  usage: "CONTAINER NEW_NAME",
  args: { min: 2, max: 2 },
  completes: "containers",
  flags: {},
  async run({ args, client }) {
    const [from, to] = args.map((name) => name.trim()) as [string, string];
    if (from === "" || to === "") throw usageError("neither old nor new names may be empty");
    try {
      await actOnContainer(client, from, { verb: "rename", query: { name: to } });
      return undefined;
    } catch (error) {
      throw usageError(`${errorText(error)}\nError: failed to rename container named ${from}`);
    }
  },
});
