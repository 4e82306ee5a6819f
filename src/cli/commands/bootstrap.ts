import { bootstrapImage } from "../../client/images.ts";
import { command } from "../command.ts";
import { showProgress } from "../progress/show-progress.ts";

export const bootstrap = command({
  summary: "Make a base image from a distribution's own packages",
  usage: "[OPTIONS] NAME[:TAG]",
  args: { min: 1, max: 1 },
  flags: {
    include: { type: "strings", help: "Install these packages, too", value: "package" },
    tag: { type: "string", short: "t", help: "Name of the image, instead of NAME", value: "name" },
    date: { type: "string", help: "Take the packages of this day; the same day gives the same image", value: "date" },
  },
  examples: [
    ["isle image bootstrap debian:bookworm", "A Debian image without any registry"],
    ["isle image bootstrap --include redis-server -t redis debian:bookworm", "An image with a server in it"],
    ["isle image bootstrap busybox", "The smallest image, from busybox-static"],
  ],
  async run({ flags, args, client, io }) {
    const messages = bootstrapImage(client, { name: args[0]!, ...flags });
    await showProgress(messages, { output: io.stdout, terminal: io.terminal });
    return undefined;
  },
});
