import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /** Kills the command after this long; 30 seconds unless told. */
  readonly timeoutMs?: number;
}

export interface TestNamespaces {
  /** Program and arguments that run a command inside. */
  enter(command: readonly string[]): string[];
  run(command: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** Ends everything that runs inside, and with it all its mounts and network devices. */
  close(): Promise<void>;
}

/**
 * A mount, network and process namespace of their own, so that nothing a test does reaches the machine and nothing
 * outlives the test, not even when the test is killed.
 */
export async function openNamespaces(): Promise<TestNamespaces> {
  const prepare = "mount --make-rshared /; mount -t proc proc /proc; ip link set lo up; echo ready; exec catatonit -P";
  const holder = spawn("setpriv", ["--pdeathsig", "KILL", "unshare", "-mnpf", "--kill-child", "sh", "-c", prepare], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  await prepared(holder);
  const first = onlyChildOf(holder.pid!);
  const enter = (command: readonly string[]) => ["nsenter", "-m", "-n", "-p", "-t", String(first), "--", ...command];
  return {
    enter,
    run: (command, options = {}) => runCommand(enter(command), options),
    close: () => end(holder),
  };
}

function prepared(holder: ChildProcess): Promise<void> {
  let said = "";
  holder.stderr!.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    holder.once("error", reject);
    holder.once("exit", () => reject(new Error(`cannot make namespaces: ${said}`)));
    holder.stdout!.once("data", () => resolve());
  });
}

/** Process id, as seen here, of the one child. */
export function onlyChildOf(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean);
  if (children.length !== 1) throw new Error(`process ${pid} has ${children.length} children`);
  return Number(children[0]);
}

async function end(holder: ChildProcess): Promise<void> {
  if (holder.exitCode !== null || holder.signalCode !== null) return;
  const ended = once(holder, "exit");
  // The kernel kills all of a process namespace when its first process goes.
  process.kill(onlyChildOf(holder.pid!), "SIGKILL");
  await ended;
}

/** Runs a program to its end and returns what it printed. */
export function runCommand(command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const { input, env = {}, timeoutMs = 30_000 } = options;
  const child = spawn(command[0]!, command.slice(1), {
    stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout!.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr!.on("data", (chunk: Buffer) => stderr.push(chunk));
  child.stdin?.on("error", () => {}).end(input);
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString();
      resolve({ exitCode: code ?? 255, stdout: text(stdout), stderr: text(stderr) });
    });
  });
}
