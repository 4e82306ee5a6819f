import { familiarName, parseReference } from "../../base/reference.ts";
import { pushImage } from "../../client/images.ts";
import { command } from "../command.ts";
import { usageError } from "../exit.ts";
import type { Output } from "../io.ts";
import { showProgress } from "../progress/show-progress.ts";
import { authHeader } from "../registry/credentials.ts";

export const push = command({
  summary: "Send an image to a registry",
  usage: "[OPTIONS] NAME[:TAG]",
  args: { min: 1, max: 1 },
  completes: "images",
  flags: {
    "all-tags": { type: "bool", short: "a", help: "Send every tag of the repository" },
    "disable-content-trust": { type: "bool", default: true, help: "Accepted for Docker's sake", hidden: true },
    platform: { type: "string", help: "Send this platform only" },
    quiet: { type: "bool", short: "q", help: "Print the name only" },
  },
  async run({ flags, args, client, io, config, print }) {
    const reference = parseReference(args[0]!);
    if (reference.digest !== undefined) throw usageError("cannot push a digest reference");
    if (flags["all-tags"] && reference.tag !== undefined) throw usageError("tag can't be used with --all-tags/-a");
    const tag = flags["all-tags"] ? "" : (reference.tag ?? "latest");
    if (tag !== "" && reference.tag === undefined && !flags.quiet) await print(`Using default tag: ${tag}`);
    const token = await authHeader(args[0]!, config().data, io);
    const messages = pushImage(client, familiarName(reference), { tag, token, platform: flags.platform });
    const output: Output = flags.quiet ? { isTerminal: false, write: () => Promise.resolve() } : io.stdout;
    await showProgress(messages, { output, terminal: io.terminal });
    if (flags.quiet) await print(`${reference.domain}/${reference.path}${tag === "" ? "" : `:${tag}`}`);
    return undefined;
  },
});
