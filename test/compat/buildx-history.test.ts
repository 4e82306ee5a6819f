import { afterAll, beforeAll, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "../../src/os/find-program.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { installBuildx, newestBuildx } from "../support/docker-plugins.ts";

const hasHistory =
  findProgram("docker") !== undefined &&
  newestBuildx !== undefined &&
  execFileSync(newestBuildx, ["--help"]).toString().includes("history");
if (!hasHistory) console.log("SKIPPED docker buildx history: it takes buildx 0.22 or newer");

let daemon: TestDaemon;
let context: string;
beforeAll(async () => {
  if (!hasHistory) return;
  daemon = await startDaemon();
  context = join(daemon.directory, "context");
  mkdirSync(context);
  installBuildx(daemon, newestBuildx!);
});
afterAll(() => daemon?.stop());

test.skipIf(!hasHistory)("docker buildx history lists, shows and removes builds", async () => {
  writeFileSync(join(context, "Dockerfile"), "FROM busybox\nRUN echo hello from a step\n");
  const built = await daemon.docker(["build", "-t", "app", context]);
  expect(built.exitCode, built.stderr).toBe(0);
  writeFileSync(join(context, "Dockerfile"), "FROM busybox\nRUN exit 3\n");
  expect((await daemon.docker(["build", "-t", "bad", context])).exitCode).toBe(1);
  const history = (...args: string[]) => daemon.docker(["buildx", "history", ...args]);
  const listed = await history("ls");
  expect(listed.exitCode, listed.stderr).toBe(0);
  expect(listed.stdout).toMatch(/Completed/);
  expect(listed.stdout).toMatch(/Error/);
  const [, good] = (await history("ls", "--format", "{{.Ref}}")).stdout.trim().split("\n");
  const said = await history("logs", good!.split("/").at(-1)!);
  expect(said.stderr + said.stdout).toContain("hello from a step");
  const shown = await history("inspect", good!.split("/").at(-1)!);
  expect(shown.stdout, shown.stderr).toMatch(/Build Steps:\s+2\/2/);
  expect(shown.stdout).toMatch(/sha256:[a-f0-9]{64}\s+https:\/\/slsa.dev\/provenance/);
  const provenance = await history("inspect", "attachment", "--type", "provenance", good!.split("/").at(-1)!);
  expect(JSON.parse(provenance.stdout).buildConfig.steps[1].name).toContain("RUN echo hello");
  const bundle = join(daemon.directory, "record.dockerbuild");
  const exported = await history("export", "-o", bundle, good!.split("/").at(-1)!);
  expect(exported.exitCode, exported.stderr).toBe(0);
  const files = await daemon.inNamespaces(["tar", "-tf", bundle]);
  const [, index] = /"digest":"sha256:([a-f0-9]{64})"/.exec(
    (await daemon.inNamespaces(["tar", "-xOf", bundle, "index.json"])).stdout,
  )!;
  expect(files.stdout).toContain(`blobs/sha256/${index}`);
  const manifest = await daemon.inNamespaces(["tar", "-xOf", bundle, `blobs/sha256/${index}`]);
  expect(manifest.stdout).toContain("application/vnd.buildkit.status.v0");
  const failed = await history("inspect");
  expect(failed.stdout).toContain(">>> RUN exit 3");
  expect((await daemon.docker(["build", "-f", join(context, "nowhere"), context])).exitCode).toBe(1);
  const lost = await history("inspect");
  expect(lost.stdout).toMatch(/Dockerfile:\s+nowhere[\s\S]*Error:[^\n]*nowhere/);
  expect(
    (
      await daemon.docker([
        "buildx",
        "history",
        "rm",
        (await history("ls", "--format", "{{.Ref}}")).stdout.split("\n")[0]!.split("/").at(-1)!,
      ])
    ).exitCode,
  ).toBe(0);
  expect((await history("rm", good!.split("/").at(-1)!)).exitCode).toBe(0);
  expect((await daemon.cli(["builds", "ls", "--format", "{{.Status}}"])).stdout).toBe("error\n");
});
