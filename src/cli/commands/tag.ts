import { messageOf } from "../../base/error.ts";
import { tagImage } from "../../client/images.ts";
import { command } from "../command.ts";
import { usageError } from "../exit.ts";
import { splitRepository } from "../registry/split-repository.ts";

export const tag = command({
  summary: "Give an image a further name",
  usage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
  args: { min: 2, max: 2 },
  completes: "images",
  flags: {},
  async run({ args, client }) {
    const [source, name] = args as [string, string];
    await tagImage(client, source, target(name));
    return undefined;
  },
});

function target(name: string): { repo: string; tag: string } {
  try {
    return splitRepository(name);
  } catch (error) {
    const text = JSON.stringify(name);
    throw usageError(`Error parsing reference: ${text} is not a valid repository/tag: ${messageOf(error)}`);
  }
}
