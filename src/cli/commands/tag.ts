import { tagImage } from "../../client/images.ts";
import { command } from "../command.ts";
import { splitRepository } from "../registry/split-repository.ts";

export const tag = command({
  summary: "Give an image a further name",
  usage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
  args: { min: 2, max: 2 },
  completes: "images",
  flags: {},
  async run({ args, client }) {
    await tagImage(client, args[0]!, splitRepository(args[1]!));
    return undefined;
  },
});
