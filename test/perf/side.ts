import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** One engine under measurement, in mount, network and process namespaces of its own. */
export interface Side {
  readonly name: "isle" | "docker" | "podman";
  /** First process of the namespaces, as the machine numbers it. */
  readonly root: number;
  /** Runs the engine's command line to its end; returns what it printed. Fails unless it exits with 0. */
  run(...args: string[]): string;
  /** The same, the whole process measured in milliseconds by a shell in the namespaces, so that entering them is not counted. */
  time(...args: string[]): number;
  /** A shell line in the namespaces, with `$E` for the engine's command line. */
  shell(script: string): string;
  close(): void;
}

interface SideOptions {
  readonly name: Side["name"];
  readonly holder: ChildProcess;
  readonly root: number;
  /** Command line of the engine's client. */
  readonly client: readonly string[];
  /** Enter the root directory of the namespaces too. */
  readonly entersRoot: boolean;
}

export function createSide({ name, holder, root, client, entersRoot }: SideOptions): Side {
  const enter = ["-t", String(root), "-m", "-n", "-p", ...(entersRoot ? ["-r", "-w"] : [])];
  const path = entersRoot ? { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" } : process.env;
  const execute = (command: readonly string[]) => {
    const result = spawnSync("nsenter", [...enter, ...command], { env: path, maxBuffer: 1 << 28, timeout: 300_000 });
    if (result.status === 0) return result.stdout.toString();
    throw new Error(`${name}: ${command.join(" ").slice(0, 200)} ended with ${result.status}: ${result.stderr}`);
  };
  return {
    name,
    root,
    run: (...args) => execute([...client, ...args]),
    time: (...args) => elapsedMs(execute(["bash", "-c", timedCommand, "bash", ...client, ...args])),
    shell: (script) => execute(["bash", "-c", `E="${client.join(" ")}"; ${script}`]),
    close() {
      for (const pid of descendants(root).reverse()) kill(pid);
      kill(root);
      holder.kill("SIGKILL");
    },
  };
}

/** Prints the seconds before the fork of the arguments' process and after its end, and ends with its code. */
const timedCommand = 'LC_ALL=C; s=$EPOCHREALTIME; "$@" >&2; c=$?; echo $s $EPOCHREALTIME; exit $c';

function elapsedMs(printed: string): number {
  const [begin, end] = printed.split(" ").map(Number);
  return (end! - begin!) * 1000;
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}

/** Starts a command that prints `ready` once its engine answers, and finds the first process of its namespaces. */
export async function startHolder(command: readonly string[], env: Record<string, string> = {}) {
  const [program = "", ...args] = command;
  const holder = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, ...env } });
  await new Promise<void>((resolve, reject) => {
    let printed = "";
    holder.stdout!.on("data", (chunk: Buffer) => {
      printed += chunk;
      if (printed.includes("ready")) resolve();
    });
    holder.once("exit", (code) => reject(new Error(`${program} ended with ${code}: ${printed}`)));
  });
  const root = Number(
    execFileSync("pgrep", ["-P", String(holder.pid)], { encoding: "utf8" })
      .trim()
      .split("\n")[0],
  );
  return { holder, root };
}

/** All processes below one, itself left out. */
export function descendants(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    const stat = /^\d+$/.test(name) ? readProc(`/proc/${name}/stat`) : undefined;
    if (stat) parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
  }
  const found: number[] = [];
  const queue = [root];
  for (let parent = queue.shift(); parent !== undefined; parent = queue.shift()) {
    for (const [pid, above] of parents) {
      if (above !== parent) continue;
      found.push(pid);
      queue.push(pid);
    }
  }
  return found;
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Proportional set size of processes in kilobytes: shared pages are split among those that share them. */
export function memoryKb(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const rollup = readProc(`/proc/${pid}/smaps_rollup`) ?? "";
    return sum + Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0);
  }, 0);
}

export const commandOf = (pid: number): string => (readProc(`/proc/${pid}/cmdline`) ?? "").replaceAll("\0", " ");
