import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import type { TestDaemon } from "./daemon.ts";

export interface Upstream {
  readonly address: string;
  /** How often something was asked for, such as `A some.example`. */
  asked(question: string): number;
  stop(): Promise<void>;
}

/** A name server in the daemon's network that knows a few names below example. */
export async function startUpstream(
  daemon: TestDaemon,
  address: string,
  addresses: Readonly<Record<string, string>> = {},
  port = 53,
): Promise<Upstream> {
  const script = join(import.meta.dirname, "upstream-dns-program.ts");
  const [program, ...args] = daemon.enter([process.execPath, script, address, JSON.stringify(addresses), String(port)]);
  const child = spawn(program!, args, { stdio: ["pipe", "pipe", "inherit"] });
  const lines: string[] = [];
  await untilReady(child, lines);
  return {
    address,
    asked: (question) => lines.filter((line) => line === question).length,
    stop: () =>
      new Promise((resolve) => {
        child.once("exit", () => resolve());
        child.stdin!.end();
      }),
  };
}

function untilReady(child: ChildProcess, lines: string[]): Promise<void> {
  let rest = "";
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the name server ended with ${code}`)));
    child.stdout!.on("data", (chunk: Buffer) => {
      const parts = (rest + chunk.toString()).split("\n");
      rest = parts.pop()!;
      lines.push(...parts);
      if (lines.includes("ready")) resolve();
    });
  });
}
