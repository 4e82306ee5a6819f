import { existsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { findProgram } from "../../src/os/find-program.ts";

const fetched = join(import.meta.dirname, "../../.cache/runsc/runsc");

/** gVisor's runsc: the machine's own, else the one that tools/fetch-program.sh got. */
export const runscProgram: string | undefined = findProgram("runsc") ?? (existsSync(fetched) ? fetched : undefined);

/** Environment of a daemon that finds runsc. */
export const withRunsc = (): { PATH: string } => ({
  PATH: [process.env["PATH"], dirname(runscProgram ?? "/usr/bin/runsc")].join(delimiter),
});
