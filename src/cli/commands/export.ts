import { exportContainer } from "../../client/containers.ts";
import { command } from "../command.ts";
import { refuseTerminal, writeStream } from "../file-stream.ts";

export const exportArchive = command({
  summary: "Write a container's file system to a tar archive",
  usage: "[OPTIONS] CONTAINER",
  args: { min: 1, max: 1 },
  completes: "containers",
  flags: { output: { type: "string", short: "o", help: "Write to this file instead of stdout", value: "file" } },
  async run({ flags, args, client, io }) {
    refuseTerminal(flags.output, io.stdout);
    const { body } = await exportContainer(client, args[0]!);
    await writeStream(body, flags.output, io.stdout);
    return undefined;
  },
});
