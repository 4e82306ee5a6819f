import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";

const registry = "127.0.0.1:15001";
let daemon: TestDaemon;
let registryProcess: ChildProcess;
beforeAll(async () => {
  daemon = await startDaemon();
  registryProcess = await startRegistry();
});
afterAll(async () => {
  await daemon.stop();
  if (registryProcess.exitCode === null && registryProcess.signalCode === null) await once(registryProcess, "exit");
});

/** Debian's registry, where the daemon reaches it; it ends with the daemon's namespaces. */
async function startRegistry(): Promise<ChildProcess> {
  const storage = { filesystem: { rootdirectory: join(daemon.directory, "registry") } };
  const file = join(daemon.directory, "registry.json");
  writeFileSync(file, JSON.stringify({ version: "0.1", storage, http: { addr: registry } }));
  const [program, ...args] = daemon.enter(["docker-registry", "serve", file]);
  const child = spawn(program!, args, { stdio: ["ignore", "ignore", "pipe"] });
  await new Promise<void>((resolve, reject) => {
    child.once("exit", () => reject(new Error("the registry ended")));
    child.stderr!.on("data", (chunk: Buffer) => {
      if (chunk.toString().includes("listening on")) resolve();
    });
  });
  return child;
}

for (const client of ["dockerode", "testcontainers"]) {
  test(`programs that use ${client} find all they are used to`, async () => {
    const env = {
      DOCKER_HOST: `unix://${daemon.socket}`,
      REGISTRY: registry,
      HOME: daemon.directory,
      TMPDIR: daemon.directory,
      // Its helper that cleans up is an image of a public registry.
      TESTCONTAINERS_RYUK_DISABLED: "true",
    };
    const program = join(import.meta.dirname, "node", `${client}.mjs`);
    // A connection that the engine forgot to close would keep the program for its minute of keep-alive.
    const { exitCode, stdout, stderr } = await daemon.inNamespaces(["node", program], { env, timeoutMs: 55_000 });
    const failures = stdout.split("\n").filter((line) => /^not ok|✖|error:/.test(line.trim()));
    expect({ exitCode, failures, stderr: exitCode === 0 ? "" : stderr + stdout }).toEqual({
      exitCode: 0,
      failures: [],
      stderr: "",
    });
    expect(await leftovers()).toEqual({ containers: 0, volumes: 0 });
  });
}

async function leftovers(): Promise<object> {
  const containers = await daemon.api.ok("GET", "/containers/json", { query: { all: true } });
  const { Volumes } = await daemon.api.ok("GET", "/volumes");
  return { containers: containers.length, volumes: Volumes.length };
}
