import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ApiClient } from "./api-client.ts";
import { busyboxRoot } from "./busybox-root.ts";
import { type CommandOptions, type CommandResult, onlyChildOf, openNamespaces, runCommand } from "./namespaces.ts";

export interface TestDaemonOptions {
  /** More flags of `isle daemon`. */
  readonly args?: readonly string[];
  /** Keys of daemon.json. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Start without the image `busybox`. */
  readonly bare?: boolean;
  /** Runs in the namespaces before the daemon starts, with its data root made. */
  readonly prepare?: (daemon: TestDaemon) => Promise<void>;
}

export interface TestDaemon {
  readonly socket: string;
  /** Holds everything of this daemon; gone at the end. */
  readonly directory: string;
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly api: ApiClient;
  /** What the daemon wrote to its log. */
  log(): string;
  /** Ends the daemon, its containers and its files. */
  stop(): Promise<void>;
  /** SIGKILL to the daemon alone. */
  kill(): Promise<void>;
  /** Asks the daemon to end (unless it is dead) and starts it again. */
  restart(): Promise<void>;
  /** The daemon's process id, as seen here. */
  pid(): number;
  cli(args: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  docker(args: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  inNamespaces(command: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** Program and arguments that run a command in the daemon's namespaces. */
  enter(command: readonly string[]): string[];
}

export const isleBinary = process.env["ISLE_BINARY"] ?? join(import.meta.dirname, "../../dist/isle");

/** Starts a daemon in namespaces of its own, with its own roots and the image `busybox`. */
export async function startDaemon(options: TestDaemonOptions = {}): Promise<TestDaemon> {
  const directory = mkdtempSync(join(tmpdir(), "isle-test-"));
  // As /var/lib/isle is: steps of builds run as users that are nobody here, and come as far as to their root.
  chmodSync(directory, 0o711);
  const namespaces = await openNamespaces();
  const [dataRoot, execRoot, socket] = ["data", "exec", "isle.sock"].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  const process_ = new DaemonProcess(namespaces.enter(command(options, directory)), options.env ?? {});
  const host = { DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: join(directory, "docker-config") };
  const clientRun =
    (program: string) =>
    (args: readonly string[], more: CommandOptions = {}) =>
      runCommand(namespaces.enter([program, ...args]), { ...more, env: { ...host, ...more.env } });
  const daemon: TestDaemon = {
    socket,
    directory,
    dataRoot,
    execRoot,
    api: new ApiClient(socket),
    log: () => process_.log,
    pid: () => process_.pid,
    kill: () => process_.kill("SIGKILL"),
    restart: async () => {
      await process_.kill("SIGTERM");
      await process_.start();
    },
    stop: async () => {
      const ids = instanceIds(dataRoot);
      await namespaces.close();
      removeCgroups(ids);
      rmSync(directory, { recursive: true, force: true });
    },
    cli: clientRun(isleBinary),
    docker: clientRun("docker"),
    inNamespaces: namespaces.run,
    enter: namespaces.enter,
  };
  try {
    writeFileSync(join(directory, "daemon.json"), JSON.stringify(options.config ?? {}));
    await options.prepare?.(daemon);
    await process_.start();
    if (!options.bare) await importBusybox(daemon);
  } catch (error) {
    await daemon.stop();
    throw error;
  }
  return daemon;
}

function command({ args = [] }: TestDaemonOptions, directory: string): string[] {
  const flag = (name: string, file: string) => [`--${name}`, join(directory, file)];
  return [
    ...[isleBinary, "daemon", ...flag("data-root", "data"), ...flag("exec-root", "exec")],
    ...[...flag("config-file", "daemon.json"), "-H", `unix://${join(directory, "isle.sock")}`, "--debug", ...args],
  ];
}

class DaemonProcess {
  readonly #command: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;
  #pid = 0;
  log = "";

  constructor(command: readonly string[], env: Readonly<Record<string, string>>) {
    this.#command = command;
    this.#env = env;
  }

  get pid(): number {
    return this.#pid;
  }

  /** Resolves on the daemon's own word that it is ready. */
  async start(): Promise<void> {
    const [program, ...args] = this.#command;
    const child = spawn(program!, args, { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, ...this.#env } });
    this.#child = child;
    const from = this.log.length;
    await new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", () => reject(new Error(`the daemon ended: ${this.log.slice(from)}`)));
      child.stderr!.on("data", (chunk: Buffer) => {
        this.log += chunk.toString();
        if (this.log.indexOf("msg=ready", from) !== -1) resolve();
      });
    });
    this.#pid = onlyChildOf(child.pid!);
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    process.kill(this.#pid, signal);
    await ended;
  }
}

async function importBusybox({ api }: TestDaemon): Promise<void> {
  await api.ok("POST", `/images/create`, {
    query: { fromSrc: "-", repo: "busybox", tag: "latest", changes: `CMD ["sh"]` },
    body: await busyboxRoot(),
  });
}

function instanceIds(dataRoot: string): string[] {
  try {
    return readdirSync(join(dataRoot, "instances"));
  } catch {
    return [];
  }
}

/** Control groups outlive the processes that were killed in them. */
function removeCgroups(ids: readonly string[]): void {
  const root = "/sys/fs/cgroup";
  const controllers = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const parent of ["", ...controllers.map(({ name }) => name)]) {
    for (const id of ids) removeEmpty(join(root, parent, "isle", id));
  }
}

function removeEmpty(path: string): void {
  try {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) removeEmpty(join(path, entry.name));
    }
    rmdirSync(path);
  } catch {
    // Absent, or not empty yet: it is not ours to insist.
  }
}
