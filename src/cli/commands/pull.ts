import { command } from "../command.ts";
import { usageError } from "../exit.ts";
import { pulledName, pull as pullWithProgress } from "../registry/pull.ts";

export const pull = command({
  summary: "Fetch an image from a registry",
  usage: "[OPTIONS] NAME[:TAG|@DIGEST]",
  args: { min: 1, max: 1 },
  flags: {
    "all-tags": { type: "bool", short: "a", help: "Fetch every tag of the repository" },
    "disable-content-trust": { type: "bool", default: true, help: "Accepted for Docker's sake", hidden: true },
    platform: { type: "string", help: "Take the image for this platform" },
    quiet: { type: "bool", short: "q", help: "Print the name only" },
  },
  examples: [["isle pull --platform linux/arm64 debian:bookworm", "An image for another processor"]],
  async run(context) {
    const { flags, args, io, print } = context;
    const image = args[0]!;
    if (flags["all-tags"] && /[:@][^/]*$/.test(image)) throw usageError("tag can't be used with --all-tags/-a");
    const usesDefault = !flags["all-tags"] && !flags.quiet && !/[:@][^/]*$/.test(image);
    if (usesDefault) await print("Using default tag: latest");
    const request = { image, platform: flags.platform, quiet: flags.quiet, allTags: flags["all-tags"] };
    await pullWithProgress(context, request, io.stdout);
    await print(flags["all-tags"] ? pulledName(image).replace(/:latest$/, "") : pulledName(image));
    return undefined;
  },
});
