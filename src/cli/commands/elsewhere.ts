import { command } from "../command.ts";
import { Exit } from "../exit.ts";

/** Commands that the program answers before the command line does; here they are listed only. */
export const daemon = listed("daemon", "Run the engine in the foreground");
export const doctor = listed("doctor", "Say what this machine has, what it lacks, and how to get it");

export const kernel = listed("kernel", "List, add, fetch and choose the kernels of microVMs");

function listed(name: string, summary: string) {
  return command({
    summary,
    usage: "[OPTIONS]",
    args: { min: 0 },
    flags: {},
    flagsFirst: true,
    run() {
      throw new Exit(1, `isle: '${name}' is not part of this build`);
    },
  });
}
