import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { findProgram } from "../../src/os/find-program.ts";
import type { TestDaemon } from "./daemon.ts";

/** Servers in the daemon's network that hand out repositories and files. */
export interface Sources {
  /** Served below `http`; a repository of it `name.git` by its name. */
  readonly directory: string;
  readonly http: string;
  readonly git: string;
  readonly token: string;
  stop(): Promise<void>;
}

export async function startSources(daemon: TestDaemon): Promise<Sources> {
  const directory = join(daemon.directory, "sources");
  mkdirSync(directory);
  const token = "token-of-the-test";
  const script = join(import.meta.dirname, "file-server-program.ts");
  const files = await begin(daemon, [process.execPath, script, directory, "8080", token], "ready");
  const listen = ["--reuseaddr", "--export-all", "--verbose", "--listen=127.0.0.1", "--port=9418"];
  const command = ["git", "daemon", ...listen, `--base-path=${directory}`, directory];
  const git = findProgram("git") ? await begin(daemon, command, "Ready to rumble") : undefined;
  return {
    ...{ directory, token, http: "http://127.0.0.1:8080", git: "git://127.0.0.1" },
    stop: async () => {
      for (const child of [files, git]) if (child) await end(child);
    },
  };
}

function begin(daemon: TestDaemon, command: readonly string[], sign: string): Promise<ChildProcess> {
  const [program, ...args] = daemon.enter(["setpriv", "--pdeathsig", "KILL", ...command]);
  const child = spawn(program!, args, { stdio: ["pipe", "pipe", "pipe"] });
  return new Promise((resolve, reject) => {
    let said = "";
    const take = (chunk: Buffer): void => {
      said += chunk.toString();
      if (said.includes(sign)) resolve(child);
    };
    child.stdout!.on("data", take);
    child.stderr!.on("data", take);
    child.once("exit", (code) => reject(new Error(`${command[0]} ended with ${code}: ${said}`)));
  });
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGTERM");
  });
}

const who = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "protocol.file.allow=always"];

/** A bare repository below a directory, filled from a working tree beside it. */
export class Repository {
  readonly bare: string;
  readonly tree: string;

  constructor(directory: string, name: string) {
    this.bare = join(directory, `${name}.git`);
    this.tree = join(directory, `${name}-tree`);
    mkdirSync(this.tree, { recursive: true });
    this.git("init", "--quiet", "--initial-branch=main");
    execFileSync("git", ["init", "--quiet", "--bare", "--initial-branch=main", this.bare]);
    this.git("remote", "add", "origin", this.bare);
  }

  git(...args: string[]): string {
    const env = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
    return execFileSync("git", ["-C", this.tree, ...who, ...args], { env, stdio: ["ignore", "pipe", "pipe"] })
      .toString()
      .trim();
  }

  /** Writes files, commits all, and publishes it; returns the commit. */
  commit(files: Readonly<Record<string, string>>): string {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.tree, path)), { recursive: true });
      writeFileSync(join(this.tree, path), text);
    }
    this.git("add", "--all");
    this.git("commit", "--quiet", "--message=change");
    this.publish();
    return this.git("rev-parse", "HEAD");
  }

  /** Also for servers that only hand out files. */
  publish(): void {
    this.git("push", "--quiet", "--force", "--all", "origin");
    this.git("push", "--quiet", "--force", "--tags", "origin");
    execFileSync("git", ["-C", this.bare, "update-server-info"]);
  }

  remove(): void {
    for (const path of [this.bare, this.tree]) rmSync(path, { recursive: true, force: true });
  }
}
