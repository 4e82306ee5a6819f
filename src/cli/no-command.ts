import { commandTable } from "./commands/table.ts";
import { Exit } from "./exit.ts";
import { globalFlags } from "./global-flags.ts";
import { groupHelp, groupSummaries, listCommands, programHelp } from "./help.ts";
import type { Io } from "./io.ts";

/** Answers words that name no command: the help of the program or a group, else an error. */
export async function noCommand(words: readonly string[], io: Io): Promise<number> {
  const [first, second] = words[0] === "help" ? words.slice(1) : words;
  if (first === undefined) {
    await io.stdout.write(programHelp(await listCommands(commandTable), globalFlags));
    return 0;
  }
  if (!Object.hasOwn(groupSummaries, first)) {
    throw new Exit(1, `isle: unknown command: isle ${first}\n\nRun 'isle --help' for more information`);
  }
  if (second === undefined || second === "--help" || second === "-h") {
    await io.stdout.write(groupHelp(first, await listCommands(commandTable, first)));
    return 0;
  }
  const what = second.startsWith("-") ? `unknown flag: ${second}` : `unknown command: isle ${first} ${second}`;
  const hint = `Usage:  isle ${first} COMMAND\n\nRun 'isle ${first} --help' for more information`;
  throw new Exit(second.startsWith("-") ? 125 : 1, `isle: ${what}\n\n${hint}`);
}
