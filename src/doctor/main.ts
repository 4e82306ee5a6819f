import { parseArgs } from "node:util";
import { messageOf } from "../base/error.ts";
import { examine } from "./examine.ts";
import { installPackages } from "./install.ts";
import { report } from "./report.ts";

const help = `Usage:  isle doctor [OPTIONS]

Say what this machine has, what it lacks, and how to get it

Options:
      --format string   "table" or "json"
      --install         Install the Debian packages that lack
`;

interface Options {
  readonly format: string;
  readonly install: boolean;
  readonly help: boolean;
}

/** `isle doctor`: exit code 0 when containers can run, 1 when something needed lacks. */
export async function doctorMain(args: readonly string[]): Promise<number> {
  try {
    const options = readOptions(args);
    if (options.help) return say(help);
    if (options.install) await installPackages(examine().packages, (line) => process.stderr.write(`${line}\n`));
    const examination = examine();
    const isTerminal = process.stdout.isTTY === true;
    say(options.format === "json" ? `${JSON.stringify(examination, null, 2)}\n` : report(examination, isTerminal));
    return examination.ready ? 0 : 1;
  } catch (error) {
    process.stderr.write(`isle doctor: ${messageOf(error)}\n`);
    return 1;
  }
}

function readOptions(args: readonly string[]): Options {
  const options = { format: { type: "string" }, install: { type: "boolean" }, help: { type: "boolean" } } as const;
  const { format = "table", install = false, help = false } = parseArgs({ args: [...args], options }).values;
  if (format !== "table" && format !== "json") throw new Error(`--format ${format}: want table or json`);
  return { format, install, help };
}

function say(text: string): number {
  process.stdout.write(text);
  return 0;
}
