import { IsleError } from "../base/error.ts";
import { findProgram } from "../os/find-program.ts";
import { run } from "../os/process.ts";

export function requireProgram(name: string, debianPackage: string): string {
  const path = findProgram(name);
  if (path) return path;
  throw new IsleError("unavailable", `${name} is not installed`, { hint: `apt-get install ${debianPackage}` });
}

/** The first number that `--version` prints; empty when it prints none. */
export async function programVersion(path: string): Promise<string> {
  const { stdout, stderr } = await run(path, ["--version"]).catch(() => ({ stdout: "", stderr: "" }));
  return /\d+\.\d+(?:\.\d+)?/.exec(stdout || stderr)?.[0] ?? "";
}
