import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCli } from "../../src/cli/main.ts";
import { commandLineIo } from "../../src/os/command-line-io.ts";
import { run } from "../../src/os/process.ts";
import { commandLines } from "./cli-lines.ts";
import { meaning } from "./request-meaning.ts";

/** What a command line makes a client ask of the daemon, and how the client ends. */
interface Outcome {
  readonly requests: readonly string[];
  readonly exitCode: number;
}

const docker = Bun.which("docker");
const directory = mkdtempSync(join(tmpdir(), "isle-bodies-"));
const startDirectory = process.cwd();
const socket = join(directory, "recorder.sock");
let requests: string[] = [];
let recorder: ReturnType<typeof Bun.serve> | undefined;

beforeAll(() => {
  if (docker === null) console.warn("SKIPPED: no docker client on this machine to compare with");
  process.chdir(directory);
  writeFileSync("env-file", "# comment\nA=1\nHOME\nISLE_TEST_NOT_SET\n  B=2 3\n\nC=\n");
  writeFileSync("label-file", "x=1\ny\n");
  writeFileSync("seccomp.json", '{ "defaultAction": "SCMP_ACT_ALLOW" }');
  recorder = Bun.serve({ unix: socket, fetch: record });
});

afterAll(async () => {
  process.chdir(startDirectory);
  await recorder?.stop(true);
  rmSync(directory, { recursive: true, force: true });
});

/** Clients look at a container before some requests, each at another time: not part of the comparison. */
const container = { Id: "c", Name: "/c", Config: {}, HostConfig: {}, State: { Running: true }, NetworkSettings: {} };

async function record(request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  if (pathname.endsWith("/_ping")) {
    return new Response("OK", { headers: { "Api-Version": "1.51", Ostype: "linux", "Docker-Experimental": "false" } });
  }
  const path = pathname.replace(/^\/v[\d.]+/, "");
  if (path === "/info") return Response.json({ OSType: "linux" });
  if (request.method === "GET" && /^\/containers\/[^/]+\/json$/.test(path)) return Response.json(container);
  requests.push(meaning({ method: request.method, path, search, body: await request.text() }));
  if (path === "/containers/create" || path === "/networks/create")
    return Response.json({ Id: "a".repeat(64), Warnings: [] });
  if (path === "/volumes/create") return Response.json({ Name: "v" });
  if (request.method === "GET" && path.endsWith("/json")) return Response.json([]);
  return Response.json({ message: "recorded" }, { status: 409 });
}

async function viaDocker(line: readonly string[]): Promise<Outcome> {
  requests = [];
  const { exitCode } = await run(docker!, ["-H", `unix://${socket}`, ...line]);
  return { requests: [...requests].sort(), exitCode };
}

async function viaIsle(line: readonly string[]): Promise<Outcome> {
  requests = [];
  const silent = { isTerminal: false, write: () => Promise.resolve() };
  const stdin = { isTerminal: false, read: () => Promise.resolve(undefined) };
  const io = { ...commandLineIo(), stdin, stdout: silent, stderr: silent };
  const exitCode = await runCli(["-H", `unix://${socket}`, ...line], io);
  return { requests: [...requests].sort(), exitCode };
}

for (const line of commandLines) {
  test.skipIf(docker === null)(`isle ${line.join(" ")} asks the daemon for what docker does`, async () => {
    const expected = await viaDocker(line);
    expect(await viaIsle(line)).toEqual(expected);
  });
}
