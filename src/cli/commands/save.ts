import { saveImages } from "../../client/images.ts";
import { command } from "../command.ts";
import { refuseTerminal, writeStream } from "../file-stream.ts";

export const save = command({
  summary: "Write images to a tar archive",
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  args: { min: 1 },
  completes: "images",
  flags: {
    output: { type: "string", short: "o", help: "Write to this file instead of stdout", value: "file" },
    platform: { type: "string", help: "Save this platform only" },
  },
  examples: [["isle save debian:bookworm | zstd > debian.tar.zst", "A compressed archive of an image"]],
  async run({ flags, args, client, io }) {
    refuseTerminal(flags.output, io.stdout);
    const { body } = await saveImages(client, args, flags.platform);
    await writeStream(body, flags.output, io.stdout);
    return undefined;
  },
});
