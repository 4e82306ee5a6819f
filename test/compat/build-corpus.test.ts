import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findPeers, startDocker } from "../perf/engines.ts";
import type { Side } from "../perf/side.ts";
import { busyboxRoot } from "../support/busybox-root.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { buildCorpus } from "./build-corpus.ts";
import { compareImages } from "./compare-images.ts";
import { writeContext } from "./corpus-build.ts";

const peers = findPeers();
if (!peers) console.log("SKIPPED the comparison of builds with BuildKit: there is no root with dockerd (ISLE_PEERS)");

let isle: TestDaemon;
let docker: Side | undefined;
/** Where BuildKit can merge layers; elsewhere it takes COPY --link for an ordinary one. */
let merging: Side | undefined;
let shared = "";
beforeAll(async () => {
  isle = await startDaemon();
  if (!peers) return;
  docker = await startDocker(peers);
  merging = await startDocker(peers, "--feature containerd-snapshotter=true");
  shared = join(peers.directory, "data", `corpus-${process.pid}`);
  mkdirSync(shared);
  writeFileSync(join(shared, "busybox.tar"), await busyboxRoot());
  const base = join("/var/lib/docker", `corpus-${process.pid}`, "busybox.tar");
  for (const side of [docker, merging]) side.run("import", "-c", 'CMD ["sh"]', base, "busybox");
}, 120_000);
afterAll(async () => {
  docker?.close();
  merging?.close();
  if (shared) rmSync(shared, { recursive: true, force: true });
  await isle.stop();
}, 60_000);

for (const build of buildCorpus) {
  test(`${build.name} builds, and its image shows what it should`, async () => {
    const context = join(isle.directory, "corpus", build.name);
    writeContext(context, build);
    const made = await isle.cli(["build", "-t", build.name, ...(build.flags ?? []), context]);
    expect(made.exitCode, made.stderr).toBe(0);
    const shown = await isle.cli(["run", "--rm", "--entrypoint", "sh", build.name, "-c", build.run]);
    expect([shown.stdout, shown.stderr]).toEqual([build.prints, ""]);
  });

  test.skipIf(!peers || build.notInBuildKit !== undefined)(
    `${build.name} is the image that BuildKit makes`,
    async () => {
      const context = join(isle.directory, "corpus", build.name);
      cpSync(context, join(shared, build.name), { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
      const inside = join("/var/lib/docker", `corpus-${process.pid}`, build.name);
      const other = build.merges ? merging! : docker!;
      const make = () => other.run("build", "-q", "-t", build.name, ...(build.flags ?? []), inside);
      // Now and then a merging BuildKit stands in its own way, and tells of a lock.
      if (build.merges) persistently(make);
      else make();
      expect(await compareImages({ isle, docker: other }, build.name)).toEqual([]);
    },
  );
}

function persistently(work: () => void, tries = 5): void {
  try {
    work();
  } catch (error) {
    if (tries === 1 || !/locked for/.test(String(error))) throw error;
    persistently(work, tries - 1);
  }
}
