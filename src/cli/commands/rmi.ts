import { isCode } from "../../base/error.ts";
import { removeImage } from "../../client/images.ts";
import { command } from "../command.ts";
import { forEachArgument } from "../each.ts";
import { errorText } from "../error-text.ts";

export const rmi = command({
  summary: "Remove images",
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  args: { min: 1 },
  completes: "images",
  flags: {
    force: { type: "bool", short: "f", help: "Remove it although containers or other names use it" },
    "no-prune": { type: "bool", help: "Keep parents that have no name" },
    platform: { type: "strings", help: "Remove this platform only" },
  },
  run(context) {
    const { flags, client, print, warn } = context;
    return forEachArgument(context, async (name) => {
      const query = { force: flags.force, noprune: flags["no-prune"], platforms: flags.platform };
      try {
        for (const { Deleted, Untagged } of await removeImage(client, name, query)) {
          await print(Deleted ? `Deleted: ${Deleted}` : `Untagged: ${Untagged}`);
        }
      } catch (error) {
        if (!flags.force || !isCode(error, "notFound")) throw error;
        await warn(errorText(error));
      }
      return undefined;
    });
  },
});
