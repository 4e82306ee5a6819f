import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { arch } from "node:os";
import { join } from "node:path";
import { findProgram } from "../../src/os/find-program.ts";
import type { TestDaemon } from "./daemon.ts";

/** OpenSSH's server in the daemon's network, which hands out repositories to whoever has the agent's key. */
export interface SshServer {
  readonly host: string;
  readonly port: number;
  /** Of the server's key, as ssh-keygen shows it. */
  readonly fingerprint: string;
  /** The line of a known_hosts file. */
  readonly knownHost: string;
  /** Goes on with another key. */
  changeKey(): Promise<void>;
  stop(): Promise<void>;
}

const fetched = join(import.meta.dirname, "../../.cache/sshd/usr");
const own = "/usr/sbin/sshd";
const program = existsSync(own) ? own : join(fetched, "sbin/sshd");
const libraries = join(fetched, `lib/${arch() === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`);

/** Of nobody else: the server runs as this user, and takes it for the login `git`. */
const user = 4711;

export const hasSshServer = (): boolean => existsSync(program) && findProgram("git") !== undefined;

/** For `prepare` of a daemon: the login, known in its namespaces alone. */
export async function addLogin({ directory, inNamespaces }: TestDaemon): Promise<void> {
  const passwd = join(directory, "passwd");
  // Before any other of that name.
  writeFileSync(passwd, `git:x:${user}:${user}::${directory}:/bin/sh\n${readFileSync("/etc/passwd", "utf8")}`);
  await inNamespaces(["mount", "--bind", passwd, "/etc/passwd"]);
}

/** Serves what lies in repositories that belong to the login. */
export async function startSshServer(daemon: TestDaemon, publicKey: string): Promise<SshServer> {
  const home = join(daemon.directory, "sshd");
  mkdirSync(home);
  writeFileSync(join(home, "authorized"), publicKey);
  writeFileSync(join(home, "config"), configOf(home));
  execFileSync("chown", ["-R", `${user}:${user}`, home]);
  let key = await makeKey(daemon, home);
  let server = await begin(daemon, home);
  return {
    host: "127.0.0.1",
    port: 2222,
    fingerprint: key.fingerprint,
    knownHost: `[127.0.0.1]:2222 ${key.line}\n`,
    async changeKey() {
      await end(server);
      key = await makeKey(daemon, home);
      server = await begin(daemon, home);
    },
    stop: () => end(server),
  };
}

export const giveToLogin = (path: string): void => void execFileSync("chown", ["-R", `${user}:${user}`, path]);

const configOf = (home: string): string =>
  [
    ...["Port 2222", "ListenAddress 127.0.0.1", `HostKey ${home}/key`, `AuthorizedKeysFile ${home}/authorized`],
    ...["PidFile none", "UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no", "StrictModes no"],
    "",
  ].join("\n");

async function makeKey({ inNamespaces }: TestDaemon, home: string): Promise<{ fingerprint: string; line: string }> {
  const path = join(home, "key");
  await inNamespaces(["rm", "-f", path, `${path}.pub`]);
  await inNamespaces(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path]);
  giveToLogin(home);
  chmodSync(path, 0o600);
  const shown = await inNamespaces(["ssh-keygen", "-l", "-f", `${path}.pub`]);
  return { fingerprint: shown.stdout.split(" ")[1]!, line: readFileSync(`${path}.pub`, "utf8").trim() };
}

async function begin(daemon: TestDaemon, home: string): Promise<ChildProcess> {
  const as = ["setpriv", "--pdeathsig", "KILL", `--reuid=${user}`, `--regid=${user}`, "--clear-groups", "--"];
  const [first, ...args] = daemon.enter([...as, program, "-D", "-e", "-f", join(home, "config")]);
  const env = { ...process.env, LD_LIBRARY_PATH: libraries };
  const child = spawn(first!, args, { stdio: ["ignore", "ignore", "pipe"], env });
  let said = "";
  await new Promise<void>((resolve, reject) => {
    child.stderr!.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes("Server listening")) resolve();
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`sshd ended with ${code}: ${said}`)));
  });
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}
