import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { findPeers, startDocker } from "../perf/engines.ts";
import type { Side } from "../perf/side.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { makeDebianFiles } from "../support/debian-images.ts";
import { type Egress, openEgress, persistently } from "../support/egress.ts";
import { compareImages } from "./compare-images.ts";
import { writeContext } from "./corpus-build.ts";
import { projectCorpus } from "./project-corpus.ts";

const peers = findPeers();
if (!peers) console.log("SKIPPED the comparison of projects with BuildKit: there is no root with dockerd (ISLE_PEERS)");

const base = "debian:bookworm";
const ways: Egress[] = [];
let isle: TestDaemon;
let docker: Side | undefined;
let shared = "";
beforeAll(async () => {
  isle = await startDaemon();
  const files = join(isle.directory, "debian.tar");
  await makeDebianFiles(files, []);
  const imported = await isle.cli(["import", "-c", 'CMD ["bash"]', files, base], { timeoutMs: 120_000 });
  expect(imported.exitCode, imported.stderr).toBe(0);
  ways.push(await openEgress(isle.pid()));
  if (!peers) return;
  docker = await startDocker(peers, "--feature containerd-snapshotter=true");
  ways.push(await openEgress(docker.root));
  shared = join(peers.directory, "data", `projects-${process.pid}`);
  mkdirSync(shared);
  copyFileSync(files, join(shared, "debian.tar"));
  copyFileSync(trusted, join(shared, "ca.crt"));
  docker.run("import", "-c", 'CMD ["bash"]', inside("debian.tar"), base);
}, 300_000);
afterAll(async () => {
  for (const way of ways) way.close();
  docker?.close();
  if (shared) rmSync(shared, { recursive: true, force: true });
  await isle.stop();
}, 60_000);

/** A path of what is shared, as BuildKit's side sees it. */
const inside = (path: string): string => join("/var/lib/docker", `projects-${process.pid}`, path);

/** Steps go out by a proxy on their bridge and trust who the machine trusts; neither is part of the image. */
function wayOut(trusted: string): string[] {
  const proxy = `http://172.17.0.1:${ways[0]!.port}`;
  const args = ["http_proxy", "https_proxy"].flatMap((name) => ["--build-arg", `${name}=${proxy}`]);
  return [...args, "--secret", `id=ca,src=${trusted}`];
}

const trusted = process.env["NODE_EXTRA_CA_CERTS"] ?? "/etc/ssl/certs/ca-certificates.crt";

for (const build of projectCorpus) {
  const flags = (certificates: string) => [...wayOut(certificates), ...(build.flags ?? [])];

  test(`${build.name} builds with packages from outside, and its image shows what it should`, async () => {
    const context = join(isle.directory, "projects", build.name);
    writeContext(context, build);
    await persistently(async () => {
      const command = ["build", "-t", build.name, ...flags(trusted), context];
      const { exitCode, stderr } = await isle.cli(command, { timeoutMs: 280_000 });
      if (exitCode !== 0) throw new Error(stderr);
    });
    const shown = await isle.cli(["run", "--rm", "--entrypoint", "sh", build.name, "-c", build.run]);
    expect([shown.stdout, shown.stderr]).toEqual([build.prints, ""]);
  }, 300_000);

  test.skipIf(!peers)(
    `${build.name} is the image that BuildKit makes`,
    async () => {
      cpSync(join(isle.directory, "projects", build.name), join(shared, build.name), {
        recursive: true,
        verbatimSymlinks: true,
        preserveTimestamps: true,
      });
      docker!.run("build", "-q", "-t", build.name, ...flags(inside("ca.crt")), inside(build.name));
      expect(await compareImages({ isle, docker: docker! }, build.name)).toEqual([]);
    },
    300_000,
  );
}
