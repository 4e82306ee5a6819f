import { importImage } from "../../client/images.ts";
import { command } from "../command.ts";
import { fileChunks, inputChunks } from "../file-stream.ts";
import { showProgress } from "../progress/show-progress.ts";
import { splitRepository } from "../registry/split-repository.ts";

export const importArchive = command({
  summary: "Make an image of a tar archive of files",
  usage: "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
  args: { min: 1, max: 2 },
  completes: "files",
  flags: {
    change: { type: "list", short: "c", help: "Apply a Dockerfile instruction to the image" },
    message: { type: "string", short: "m", help: "Comment in the image's history" },
    platform: { type: "string", help: "Platform of what is in the archive" },
  },
  examples: [["tar -C root -c . | isle import -c 'CMD [\"sh\"]' - mine:1", "An image of a directory"]],
  async run({ flags, args, client, io }) {
    const [source, repository = ""] = args as [string, string?];
    const isUrl = /^https?:\/\//.test(source);
    const body = isUrl ? undefined : source === "-" ? inputChunks(io.stdin) : await fileChunks(source);
    const { repo, tag } = splitRepository(repository);
    const query = {
      fromSrc: isUrl ? source : "-",
      repo: tag === "" ? repo : `${repo}:${tag}`,
      message: flags.message,
      changes: flags.change,
      platform: flags.platform,
    };
    await showProgress(importImage(client, query, body), { output: io.stdout, terminal: io.terminal });
    return undefined;
  },
});
