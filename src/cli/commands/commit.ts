import { commitContainer } from "../../client/images.ts";
import { command } from "../command.ts";
import { splitRepository } from "../registry/split-repository.ts";

export const commit = command({
  summary: "Make an image of a container's file system",
  usage: "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
  args: { min: 1, max: 2 },
  completes: "containers",
  flags: {
    author: { type: "string", short: "a", help: "Who made it" },
    change: { type: "list", short: "c", help: "Apply a Dockerfile instruction to the image" },
    message: { type: "string", short: "m", help: "Comment in the image's history" },
    pause: { type: "bool", short: "p", default: true, help: "Freeze the container meanwhile" },
  },
  examples: [["isle commit -c 'CMD [\"httpd\"]' web mine:2", "Keep a container's state as an image"]],
  async run({ flags, args, client, print }) {
    const { Id } = await commitContainer(client, {
      container: args[0]!,
      ...splitRepository(args[1] ?? ""),
      author: flags.author,
      comment: flags.message,
      pause: flags.pause ? "" : "0",
      changes: flags.change,
    });
    await print(Id);
    return undefined;
  },
});
