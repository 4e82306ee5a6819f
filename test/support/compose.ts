import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "./api-client.ts";
import type { TestDaemon } from "./daemon.ts";
import { type CommandOptions, type CommandResult, onlyChildOf } from "./namespaces.ts";

const root = join(import.meta.dirname, "../..");
/** The real Compose that `tools/fetch-program.sh` puts there. */
export const composeProgram = join(root, ".cache/docker-compose/docker-compose");

/** Says loudly why there are no tests where Compose could not be had. */
export function composeIsHere(): boolean {
  if (existsSync(composeProgram)) return true;
  console.log("SKIPPED: Compose projects: tools/fetch-program.sh could not get Debian's docker-compose");
  return false;
}

/** Debian's Compose writes this before each line of a log, terminal or not. */
const clearLine = "\u001b[2K";
const followMs = 60_000;

export interface Following {
  /** Resolves once the output holds the text. */
  until(text: string): Promise<void>;
  stop(): Promise<void>;
}

/** One project of test/compose/, worked on by the real Compose against a daemon. */
export class ComposeProject {
  readonly directory: string;
  readonly #daemon: TestDaemon;
  readonly #env: Readonly<Record<string, string>>;

  constructor(
    daemon: TestDaemon,
    name: string,
    env: Readonly<Record<string, string>> = {},
    directory = join(root, "test/compose", name),
  ) {
    this.#daemon = daemon;
    this.directory = directory;
    this.#env = {
      DOCKER_HOST: `unix://${daemon.socket}`,
      NODE_MODULES: join(root, "node_modules"),
      // Where Compose keeps notes of its own.
      HOME: daemon.directory,
      XDG_RUNTIME_DIR: daemon.directory,
      ...env,
    };
  }

  /** Runs Compose to its end; what it prints on standard output. Fails with all it said unless it exits with 0. */
  async run(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.try(args);
    if (exitCode === 0) return stdout.replaceAll(clearLine, "");
    throw new Error(`compose ${args.join(" ")}: exit ${exitCode}\n${stderr}${stdout}${await this.#troubles()}`);
  }

  try(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.#daemon.inNamespaces(this.#command(args), { timeoutMs: 180_000, env: this.#env, ...options });
  }

  /** Starts a command that goes on, such as `logs -f`. */
  follow(...args: string[]): Following {
    const [command, ...rest] = this.#daemon.enter(this.#command(args));
    const child = spawn(command!, rest, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...this.#env } });
    let said = "";
    let wake = (): void => {};
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on("data", (chunk: Buffer) => {
        said += chunk.toString();
        wake();
      });
    }
    let ended = false;
    const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
    void closed.then(() => {
      ended = true;
      wake();
    });
    return {
      async until(text) {
        const timer = setTimeout(() => wake(), followMs);
        const deadline = Date.now() + followMs;
        while (!said.includes(text)) {
          if (ended || Date.now() >= deadline)
            throw new Error(`compose ${args.join(" ")} did not say ${text}: ${said}`);
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        clearTimeout(timer);
      },
      async stop() {
        // The command is the child of the program that entered the namespaces.
        if (!ended) process.kill(onlyChildOf(child.pid!), "SIGINT");
        await closed;
      },
    };
  }

  /** The project's containers, as `ps` tells of them. */
  async ps(...args: string[]): Promise<Json[]> {
    const lines = (await this.run("ps", "--format", "json", ...args)).split("\n").filter(Boolean);
    return lines.map((line) => JSON.parse(line) as Json);
  }

  exec(service: string, ...command: string[]): Promise<string> {
    return this.run("exec", "-T", service, ...command);
  }

  #command(args: readonly string[]): string[] {
    return [
      composeProgram,
      "--ansi",
      "never",
      "--project-directory",
      this.directory,
      "-f",
      join(this.directory, "compose.yaml"),
      ...args,
    ];
  }

  async #troubles(): Promise<string> {
    const logs = await this.try(["logs", "--no-color", "--tail", "15"]);
    const states = await this.try(["ps", "-a"]);
    return `\n${states.stdout}\n${logs.stdout}`;
  }
}
