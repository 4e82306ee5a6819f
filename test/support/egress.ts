import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A way out of a network namespace, for what honors `http_proxy` and `https_proxy`. */
export interface Egress {
  readonly port: number;
  close(): void;
}

/** Serves a proxy on all addresses of the network namespace of a process. */
export async function openEgress(namespaceOf: number): Promise<Egress> {
  const directory = mkdtempSync(join(tmpdir(), "isle-egress-"));
  const socket = join(directory, "socket");
  const port = 3128;
  const program = [process.execPath, join(import.meta.dirname, "egress-program.ts")];
  const outside = await started([...program, "outside", socket]);
  const enter = ["nsenter", "-t", String(namespaceOf), "-n"];
  const inside = await started([...enter, ...program, "inside", socket, String(port)]);
  return {
    port,
    close() {
      for (const each of [inside, outside]) each.kill("SIGKILL");
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function started([command, ...args]: readonly string[]): Promise<ChildProcess> {
  const child = spawn("setpriv", ["--pdeathsig", "KILL", command!, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout!, "data");
  return child;
}

/** The mirrors of Debian and npm do not always answer at once. */
const ofTheMirror =
  /failed to download|Failed to fetch|Temporary failure|Could not (resolve|connect)|curl: \(|network/i;

/** Does again what the mirrors have failed. */
export async function persistently<T>(work: () => Promise<T>, tries = 4): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (tries === 1 || !ofTheMirror.test(String(error))) throw error;
    await Bun.sleep(5000);
    return await persistently(work, tries - 1);
  }
}
