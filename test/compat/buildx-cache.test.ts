import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { findProgram } from "../../src/os/find-program.ts";
import { writeContext } from "../support/context-files.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { installBuildx, newestBuildx } from "../support/docker-plugins.ts";

const canBuild = findProgram("docker") !== undefined && newestBuildx !== undefined;
if (!canBuild) console.log("SKIPPED docker buildx prune: there is no docker client with buildx");

let daemon: TestDaemon;
let context: string;
beforeAll(async () => {
  if (!canBuild) return;
  daemon = await startDaemon();
  context = join(daemon.directory, "context");
  installBuildx(daemon, newestBuildx!);
});
afterAll(() => daemon?.stop());

async function buildx(...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await daemon.docker(["buildx", ...args], { timeoutMs: 60_000 });
  expect(exitCode, stderr).toBe(0);
  return stdout;
}

test.skipIf(!canBuild)("docker buildx du and prune show and forget what their filters choose", async () => {
  const steps = ["one", "two", "three"].map((name) => `RUN echo ${name} > /${name}\n`).join("");
  writeContext(context, { Dockerfile: `FROM busybox\nCOPY f /\n${steps}`, f: "f" });
  await buildx("build", "-o", "type=cacheonly", context);
  const all = await buildx("du", "--verbose");
  expect(all).toMatch(/Description:\s+RUN echo two/);
  expect(all).toMatch(/Created at:\s+20\d\d-/);
  const local = await buildx("du", "--verbose", "--filter", "type=source.local");
  expect(local).toContain("source.local");
  expect(local).not.toContain("RUN echo");
  const [, id] = /ID:\s+(\S+)(?:(?!ID:)[\s\S])*Description:\s+RUN echo three/.exec(all)!;
  const one = await buildx("prune", "-f", "--verbose", "--filter", `id=${id}`);
  expect(one).toContain("RUN echo three");
  expect(one).not.toContain("RUN echo two");
  expect(await buildx("prune", "-f", "--filter", "until=1h")).toMatch(/Total:\s+0B/);
  const kept = await buildx("du", "--verbose");
  expect(kept).toContain("RUN echo two");
  expect(kept).not.toContain("RUN echo three");
  // With so much allowed nothing goes.
  const limit = (await daemon.docker(["buildx", "prune", "--help"])).stdout.includes("--reserved-space")
    ? "--reserved-space"
    : "--keep-storage";
  expect(await buildx("prune", "-af", limit, "1gb")).toMatch(/Total:\s+0B/);
  expect(await buildx("prune", "-af", "--verbose")).toContain("RUN echo two");
  expect(await buildx("du", "--verbose")).not.toContain("RUN echo");
  const bad = await daemon.docker(["buildx", "prune", "-f", "--filter", "id=(a+)+"]);
  expect([bad.exitCode, bad.stderr]).toEqual([1, expect.stringContaining("the pattern (a+)+")]);
});

test.skipIf(!canBuild)("docker builder prune forgets what its filters choose", async () => {
  writeContext(context, { Dockerfile: "FROM busybox\nCOPY f /\nRUN echo stays > /f\n", f: "f" });
  await buildx("build", "-o", "type=cacheonly", context);
  const pruned = await daemon.api.ok("POST", "/build/prune", {
    query: { filters: JSON.stringify({ type: ["source.local"] }) },
  });
  expect(pruned["CachesDeleted"]).toHaveLength(1);
  expect(await buildx("du", "--verbose")).toContain("RUN echo stays");
});
