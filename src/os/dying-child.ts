import { IsleError } from "../base/error.ts";
import { run } from "./process.ts";

/**
 * Runs a program that the kernel kills when this process dies, so that what it writes may be removed by the next.
 * Fails with what it said; a full disk with noSpace.
 */
export async function runWithUs(program: string, args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await run("setpriv", ["--pdeathsig", "KILL", "--", program, ...args]);
  if (exitCode === 0) return stdout;
  const said = stderr.trim().split("\n").slice(0, 3).join(" | ") || `exit ${exitCode}`;
  const isFull = /No space left on device|Disk quota exceeded/.test(stderr);
  throw new IsleError(isFull ? "noSpace" : "internal", isFull ? `no space left: ${said}` : `${program}: ${said}`);
}
