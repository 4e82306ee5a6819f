import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { IsleError } from "../base/error.ts";
import { run } from "../os/process.ts";

const searched = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** Full path of a program of the PATH, undefined when it is not installed. */
export function findProgram(name: string): string | undefined {
  const directories = [...(process.env["PATH"] ?? "").split(":").filter(Boolean), ...searched];
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

export function requireProgram(name: string, debianPackage: string): string {
  const path = findProgram(name);
  if (path) return path;
  throw new IsleError("unavailable", `${name} is not installed`, { hint: `apt-get install ${debianPackage}` });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The first number that `--version` prints; empty when it prints none. */
export async function programVersion(path: string): Promise<string> {
  const { stdout, stderr } = await run(path, ["--version"]).catch(() => ({ stdout: "", stderr: "" }));
  return /\d+\.\d+(?:\.\d+)?/.exec(stdout || stderr)?.[0] ?? "";
}
