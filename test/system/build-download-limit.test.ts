import { afterAll, beforeAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "../../src/os/find-program.ts";
import { writeContext } from "../support/context-files.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { Repository, type Sources, startSources } from "../support/sources.ts";
import { archiveOf } from "./archive-corpus.ts";

if (!findProgram("git")) console.log("SKIPPED the limit of repositories: there is no git");
const withGit = test.skipIf(!findProgram("git"));

let daemon: TestDaemon;
let sources: Sources;
beforeAll(async () => {
  daemon = await startDaemon({ config: { "build-download-limit": "1m" } });
  sources = await startSources(daemon);
}, 60_000);
afterAll(async () => {
  await sources?.stop();
  await daemon.stop();
}, 60_000);

const large = (): Buffer => randomBytes(3 << 20);
function leftBehind(): string[] {
  const builds = join(daemon.dataRoot, "builds");
  return existsSync(builds) ? readdirSync(builds).filter((name) => !/^(cache|context-)/.test(name)) : [];
}

async function refuses(shown: string, ...context: string[]): Promise<void> {
  const { exitCode, stderr } = await daemon.cli(["build", ...context], { timeoutMs: 60_000 });
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining(`${shown} is larger than 1MiB`)]);
  expect(stderr).toContain("build-download-limit");
  expect(leftBehind()).toEqual([]);
}

test("an archive at a URL that is too large is refused as a context and by ADD, and nothing of it stays", async () => {
  const tar = archiveOf(
    { name: "Dockerfile", body: "FROM busybox\n" },
    { name: "f", body: large().toString("latin1") },
  );
  writeFileSync(join(sources.directory, "large.tar"), tar);
  const url = `${sources.http}/large.tar`;
  await refuses(url, url);
  const context = join(daemon.directory, "context");
  writeContext(context, { Dockerfile: `FROM busybox\nADD ${url} /f\n` });
  await refuses(url, context);
  writeFileSync(
    join(sources.directory, "small.tar"),
    archiveOf({ name: "Dockerfile", body: "FROM busybox\nUSER 1\n" }),
  );
  const fits = await daemon.cli(["build", `${sources.http}/small.tar`]);
  expect(fits.exitCode, fits.stderr).toBe(0);
});

withGit("a repository that is too large is refused, though little of it comes over the network", async () => {
  const repository = new Repository(sources.directory, "large");
  repository.commit({ Dockerfile: "FROM busybox\nUSER 1\n" });
  const url = `${sources.git}/large.git`;
  const fits = await daemon.cli(["build", url]);
  expect(fits.exitCode, fits.stderr).toBe(0);
  // Three megabytes as they are, and sixteen more that a pack holds in a few kilobytes.
  for (const content of [large(), Buffer.alloc(16 << 20)]) {
    writeFileSync(join(repository.tree, "f"), content);
    repository.commit({});
    await refuses(url, url);
    const context = join(daemon.directory, "context");
    writeContext(context, { Dockerfile: `FROM busybox\nADD ${url} /f\n` });
    await refuses(url, context);
  }
});
