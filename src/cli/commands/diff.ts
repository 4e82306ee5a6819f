import { containerChanges } from "../../client/containers.ts";
import { command } from "../command.ts";

/** By the daemon's number: changed, added, deleted. */
const letters = ["C", "A", "D"];

export const diff = command({
  summary: "List what changed in a container's file system",
  usage: "CONTAINER",
  args: { min: 1, max: 1 },
  completes: "containers",
  flags: {},
  async run({ args, client, io }) {
    const changes = (await containerChanges(client, args[0]!)) ?? [];
    await io.stdout.write(changes.map(({ Kind, Path }) => `${letters[Kind ?? 0] ?? "?"} ${Path}\n`).join(""));
    return undefined;
  },
});
