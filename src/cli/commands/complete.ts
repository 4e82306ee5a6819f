import { command } from "../command.ts";
import { candidates } from "../completion/candidates.ts";

export const complete = command({
  summary: "Print what may come next on a command line",
  usage: "WORD...",
  args: { min: 0 },
  flags: {},
  flagsFirst: true,
  hidden: true,
  async run({ args, client, io }) {
    await io.stdout.write((await candidates(args, client)).map((line) => `${line}\n`).join(""));
    return undefined;
  },
});
