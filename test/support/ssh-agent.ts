import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { findProgram } from "../../src/os/find-program.ts";
import type { TestDaemon } from "./daemon.ts";

/** An SSH agent in the daemon's namespaces, with one key. */
export interface TestAgent {
  readonly socket: string;
  /** What `ssh-add -l` says of the key. */
  readonly fingerprint: string;
  /** A line of the private key's file, which must be found nowhere. */
  readonly secretLine: string;
}

export const hasAgent = (): boolean => ["ssh-agent", "ssh-add", "ssh-keygen"].every((name) => findProgram(name));

/** Ends with the daemon's namespaces. */
export async function startAgent({ directory, inNamespaces }: TestDaemon): Promise<TestAgent> {
  const home = join(directory, "client");
  mkdirSync(home);
  const [socket, key] = [join(home, "agent"), join(home, "key")];
  await inNamespaces(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "key of the test", "-f", key]);
  await inNamespaces(["ssh-agent", "-a", socket]);
  const env = { SSH_AUTH_SOCK: socket };
  const added = await inNamespaces(["ssh-add", key], { env });
  if (added.exitCode !== 0) throw new Error(`ssh-add: ${added.stderr}`);
  const { stdout } = await inNamespaces(["ssh-add", "-l"], { env });
  return { socket, fingerprint: stdout.split(" ")[1]!, secretLine: readFileSync(key, "utf8").split("\n")[2]! };
}

/** Copies ssh-add and what it needs below a directory, so that an image without it can ask an agent. */
export function copySshAdd(directory: string): void {
  const program = findProgram("ssh-add")!;
  const libraries = execFileSync("ldd", [program]).toString().match(/\/\S+/g) ?? [];
  for (const file of [program, ...libraries]) {
    const target = join(directory, file === program ? "/usr/bin/ssh-add" : file);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(file, target);
  }
}
