import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { appendFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";

let daemon: TestDaemon;
let context: string;
beforeAll(async () => {
  daemon = await startDaemon();
  context = join(daemon.directory, "context");
  mkdirSync(context);
});
afterEach(() => daemon.cli(["builds", "rm", "--all"]));
afterAll(() => daemon.stop());

const build = (dockerfile: string, ...flags: string[]) => {
  writeFileSync(join(context, "Dockerfile"), dockerfile);
  return daemon.cli(["build", ...flags, context], { timeoutMs: 60_000 });
};
const builds = async (...args: string[]) => (await daemon.cli(["builds", ...args])).stdout;
const row = "{{.Name}} {{.Status}} {{.Steps}} {{.Cached}} {{.Warnings}}";
const files = (ending: string): string[] =>
  readdirSync(join(daemon.dataRoot, "build-history")).filter((name) => name.endsWith(ending));

test("builds are listed, the latest first, with how they ended", async () => {
  await build("FROM busybox\nRUN echo one\nCMD x\n", "-t", "app:1");
  await build("FROM busybox\nRUN echo one\nCMD x\n", "-t", "app:1");
  await build("FROM busybox\nRUN exit 3\nRUN never\n");
  expect(await builds("ls", "--format", row)).toBe(
    `${context}/Dockerfile error 1/3 0 0\napp:1 completed 3/3 2 1\napp:1 completed 3/3 1 1\n`,
  );
  expect((await builds("ls")).split("\n")[0]).toMatch(
    /^BUILD ID\s+NAME\s+STATUS\s+CREATED\s+DURATION\s+STEPS\s+CACHED$/,
  );
  expect((await builds("ls", "-q")).trim().split("\n")).toHaveLength(3);
  expect(await builds("ls", "-f", "status=error", "--format", "{{.Status}}")).toBe("error\n");
  expect(await builds("ls", "-f", "name=app", "-f", "since=1h", "--format", "{{.Name}}")).toBe("app:1\napp:1\n");
  expect(await builds("ls", "-f", "until=1h", "-q")).toBe("");
  expect((await daemon.cli(["builds", "ls", "-f", "what=ever"])).exitCode).toBe(1);
});

test("a build's record, error and words can be had after its end, and after a restart", async () => {
  await build("FROM busybox\nARG who\nRUN echo hello $who\nRUN echo why >&2; exit 5\n", "--build-arg", "who=you");
  await daemon.restart();
  const [record] = JSON.parse(await builds("inspect"));
  expect(record).toMatchObject({ Status: "error", Dockerfile: "Dockerfile", Args: { who: "you" }, Context: context });
  expect(record.Error).toContain("exit code: 5");
  expect(await builds("inspect", "-f", "{{.FinishedSteps}}", record.Id.slice(0, 10))).toBe("2\n");
  const said = await builds("logs", record.Id);
  expect(said).toMatch(/^#2 \d+\.\d hello you$/m);
  expect(said).toMatch(/^#3 \d+\.\d why$/m);
  expect(said).toContain("#3 ERROR: ");
  expect(await builds("logs", "--progress", "rawjson")).toContain('"name":"[2/3] RUN echo hello $who"');
});

test("a build without its Dockerfile has a record, too", async () => {
  const { exitCode } = await daemon.cli(["build", "-f", join(context, "nowhere"), context]);
  expect(exitCode).toBe(1);
  const sent = await daemon.inNamespaces([
    "sh",
    "-ec",
    `tar -C ${context} -c . | curl -sS --data-binary @- --unix-socket ${daemon.socket} http://x/build?dockerfile=nowhere`,
  ]);
  expect(sent.stdout).toContain("nowhere");
  const [status, name] = (await builds("ls", "--format", "{{.Status}} {{.Name}}")).split("\n")[0]!.split(" ");
  expect([status, name]).toEqual(["error", "nowhere"]);
});

test("a build that runs is told as running, its words are followed, and it cannot be removed", async () => {
  const running = build("FROM busybox\nRUN echo begun; sleep 3\n", "--no-cache");
  while ((await builds("ls", "-f", "status=running", "-q")) === "") await Bun.sleep(50);
  const id = (await builds("ls", "-q")).trim();
  const removed = await daemon.cli(["builds", "rm", id]);
  expect([removed.exitCode, removed.stderr]).toEqual([1, expect.stringContaining("is running")]);
  const followed = await builds("logs", id);
  expect(followed).toContain("begun");
  expect(followed).toContain("#2 DONE");
  expect((await running).exitCode).toBe(0);
});

test("a client that goes away leaves a build that was cancelled", async () => {
  writeFileSync(join(context, "Dockerfile"), "FROM busybox\nRUN echo begun; sleep 600\n");
  const log = join(daemon.directory, "gone.log");
  const client = `"$0" build ${context} > ${log} 2>&1 & until grep -q ' begun$' ${log}; do sleep 0.1; done; kill -TERM $!; wait`;
  const binary = process.env["ISLE_BINARY"] ?? join(import.meta.dirname, "../../dist/isle");
  const env = { DOCKER_HOST: `unix://${daemon.socket}` };
  await daemon.inNamespaces(["bash", "-c", client, binary], { env, timeoutMs: 60_000 });
  for (let tries = 0; tries < 300 && (await builds("ls", "-f", "status=running", "-q")) !== ""; tries += 1) {
    await Bun.sleep(100);
  }
  expect(await builds("ls", "--format", "{{.Status}}")).toBe("cancelled\n");
});

test("a daemon that was killed tells of the build it did not end", async () => {
  const running = build("FROM busybox\nRUN sleep 600\n");
  while ((await builds("ls", "-f", "status=running", "-q")) === "") await Bun.sleep(50);
  await daemon.kill();
  await running;
  await daemon.restart();
  expect(await builds("ls", "--format", "{{.Status}}: {{.Error}}")).toBe("error: the engine ended during the build\n");
  // Half a line that a crash may leave is passed over.
  const [id] = (await builds("ls", "-q", "--no-trunc")).trim().split("\n");
  mkdirSync(join(daemon.dataRoot, "build-history"), { recursive: true });
  appendFileSync(join(daemon.dataRoot, "build-history", `${id}.log`), '{"at":1,"ev');
  expect((await daemon.cli(["builds", "logs"])).exitCode).toBe(0);
});

test("the history and its logs are bounded", async () => {
  writeFileSync(join(context, "Dockerfile"), "FROM busybox\n");
  const all = 'for i in $(seq 105); do echo $i; done | xargs -P 4 -I{} "$0" build -q -t n{} "$1" > /dev/null';
  const binary = process.env["ISLE_BINARY"] ?? join(import.meta.dirname, "../../dist/isle");
  const env = { DOCKER_HOST: `unix://${daemon.socket}` };
  await daemon.inNamespaces(["bash", "-c", all, binary, context], { env, timeoutMs: 110_000 });
  expect((await builds("ls", "-q")).trim().split("\n")).toHaveLength(100);
  expect([files(".log").length, files(".json").length]).toEqual([100, 100]);
  await build("FROM busybox\nRUN head -c 6000000 /dev/zero | tr '\\0' x | fold -w 5000\n", "-q", "--no-cache");
  const words = await builds("logs");
  expect(words).toContain("WARNING: the build said more than its history keeps");
  expect(words.length).toBeLessThan(6_000_000);
  expect(words).toContain("#2 DONE");
  await builds("rm", "--all");
  expect([await builds("ls", "-q"), files("")]).toEqual(["", []]);
}, 120_000);
