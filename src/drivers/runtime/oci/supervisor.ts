import { join } from "node:path";
import { IsleError } from "../../../base/error.ts";
import { readTextIfPresent } from "../../../os/files.ts";
import { isAlive, processStart } from "../../../os/proc.ts";

const patienceMs = 30_000;
const lookMs = 2;

/** True when the supervisor of this bundle has ended; false as soon as `enough` holds before. */
export async function supervisorEnds(bundle: string, enough: () => boolean): Promise<boolean> {
  const pid = Number(readTextIfPresent(join(bundle, "conmon.pid")) ?? 0);
  const start = pid > 0 ? processStart(pid) : undefined;
  // The number may be another's by now.
  if (start === undefined || !readTextIfPresent(`/proc/${pid}/cmdline`)?.includes(bundle)) return true;
  const end = performance.now() + patienceMs;
  while (isAlive(pid, start)) {
    if (enough()) return false;
    if (performance.now() > end) throw new IsleError("internal", `the supervisor of a microVM (${pid}) does not end`);
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
  return true;
}
