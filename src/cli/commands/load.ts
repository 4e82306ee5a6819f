import { loadImages, type ProgressMessage } from "../../client/images.ts";
import { jsonLines } from "../../client/json-lines.ts";
import { command } from "../command.ts";
import { usageError } from "../exit.ts";
import { fileChunks, inputChunks } from "../file-stream.ts";
import { showProgress } from "../progress/show-progress.ts";

export const load = command({
  summary: "Load images from a tar archive",
  usage: "[OPTIONS]",
  args: { min: 0, max: 0 },
  flags: {
    input: { type: "string", short: "i", help: "Read from this file instead of stdin", value: "file" },
    platform: { type: "string", help: "Load this platform only" },
    quiet: { type: "bool", short: "q", help: "Show no progress" },
  },
  examples: [["isle load -i debian.tar", "Load what isle save or docker save wrote"]],
  async run({ flags, client, io }) {
    if (flags.input === "" && io.stdin.isTerminal) throw usageError("requested load from stdin, but stdin is empty");
    const body = flags.input === "" ? inputChunks(io.stdin) : await fileChunks(flags.input);
    const quiet = flags.quiet || !io.stdout.isTerminal;
    const answer = await loadImages(client, body, { quiet, platform: flags.platform });
    if (answer.headers.get("content-type")?.includes("json")) {
      await showProgress(jsonLines<ProgressMessage>(answer.body), { output: io.stdout, terminal: io.terminal });
      return undefined;
    }
    for await (const chunk of answer.body) await io.stdout.write(chunk);
    return undefined;
  },
});
