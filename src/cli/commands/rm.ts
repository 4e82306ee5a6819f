import { isCode } from "../../base/error.ts";
import { removeContainer } from "../../client/containers.ts";
import { command } from "../command.ts";
import { forEachArgument } from "../each.ts";
import { errorText } from "../error-text.ts";

export const rm = command({
  summary: "Remove containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  args: { min: 1 },
  completes: "containers",
  flags: {
    force: { type: "bool", short: "f", help: "Kill it first when it runs" },
    link: { type: "bool", short: "l", help: "Remove the link of that name" },
    volumes: { type: "bool", short: "v", help: "Remove its anonymous volumes, too" },
  },
  examples: [["isle rm -f $(isle ps -aq)", "Remove every container"]],
  run(context) {
    const { force, link, volumes } = context.flags;
    const remove = async (name: string) => {
      try {
        await removeContainer(context.client, name.replace(/^\//, ""), { force, link, v: volumes });
      } catch (error) {
        if (!force || !isCode(error, "notFound")) throw error;
        await context.warn(errorText(error));
        return undefined;
      }
      return name;
    };
    return forEachArgument(context, remove, { together: true });
  },
});
