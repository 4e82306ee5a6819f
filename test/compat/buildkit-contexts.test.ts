import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "../../src/os/find-program.ts";
import { Containers } from "../support/containers.ts";
import { writeContext } from "../support/context-files.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { debianBuildx, installBuildx } from "../support/docker-plugins.ts";
import { Repository, type Sources, startSources } from "../support/sources.ts";
import { copySshAdd, hasAgent, startAgent } from "../support/ssh-agent.ts";

const canBuild = findProgram("docker") !== undefined && findProgram("git") !== undefined && existsSync(debianBuildx);
if (!canBuild)
  console.log("SKIPPED contexts through BuildKit's protocol: there is no docker client with buildx, or no git");
const withBuildx = test.skipIf(!canBuild);

let daemon: TestDaemon;
let box: Containers;
let context: string;
let sources: Sources;
beforeAll(async () => {
  if (!canBuild) return;
  daemon = await startDaemon();
  box = new Containers(daemon.api);
  context = join(daemon.directory, "context");
  sources = await startSources(daemon);
  installBuildx(daemon, debianBuildx);
});
afterEach(async () => {
  await box?.clear();
  if (context) rmSync(context, { recursive: true, force: true });
});
afterAll(async () => {
  await sources?.stop();
  await daemon?.stop();
});

const write = (files: Readonly<Record<string, string>>, directory = context): void => writeContext(directory, files);

const build = (args: readonly string[], input?: string) =>
  daemon.docker(["build", "--progress", "plain", "-t", "built", ...args], {
    timeoutMs: 60_000,
    // Buildx leaves what it read from its standard input there.
    env: { TMPDIR: daemon.directory },
    ...(input !== undefined && { input }),
  });
const shown = (command: string): Promise<string> => box.output(command, { Image: "built" });
const leftBehind = (): string[] =>
  readdirSync(join(daemon.dataRoot, "builds")).filter((name) => !/^(cache|context-)/.test(name));

withBuildx("docker build takes repositories, archives and Dockerfiles by URL", async () => {
  const repository = new Repository(sources.directory, "app");
  repository.commit({
    Dockerfile: "FROM busybox\nCOPY . /all\n",
    f: "git",
    "sub/Dockerfile": "FROM busybox\nCOPY f /f\n",
    "sub/f": "below",
  });
  const whole = await build([`${sources.git}/app.git`]);
  expect(whole.exitCode, whole.stderr).toBe(0);
  expect(await shown("cat /all/f; ls -d /all/.git 2>/dev/null; true")).toBe("git");
  const below = await build([`${sources.http}/app.git#main:sub`]);
  expect(below.exitCode, below.stderr).toBe(0);
  expect(await shown("cat /f")).toBe("below");
  write({ Dockerfile: "FROM busybox\nCOPY f /f\n", f: "packed" });
  await daemon.inNamespaces(["tar", "-C", context, "-cf", join(sources.directory, "app.tar"), "."]);
  const packed = await build([`${sources.http}/app.tar`]);
  expect(packed.exitCode, packed.stderr).toBe(0);
  expect(await shown("cat /f")).toBe("packed");
  writeFileSync(join(sources.directory, "Alone"), "FROM busybox\nRUN echo alone > /f\n");
  const alone = await build([`${sources.http}/Alone`]);
  expect(alone.exitCode, alone.stderr).toBe(0);
  expect(await shown("cat /f")).toBe("alone");
  const missing = await build([`${sources.git}/none.git`]);
  expect([missing.exitCode, missing.stderr]).toEqual([1, expect.stringContaining("git cannot read")]);
  expect(leftBehind()).toEqual([]);
});

withBuildx("an argument that names a frontend is heard", async () => {
  write({ Dockerfile: "# syntax=someone/other:2\nFROM busybox\nRUN echo heard > /f\n" });
  const foreign = await build([context]);
  expect([foreign.exitCode, foreign.stderr]).toEqual([1, expect.stringContaining("the frontend someone/other:2")]);
  const builtIn = await build(["--build-arg", "BUILDKIT_SYNTAX=docker/dockerfile:1", context]);
  expect(builtIn.exitCode, builtIn.stderr).toBe(0);
  expect(await shown("cat /f")).toBe("heard");
});

withBuildx("a Dockerfile from standard input goes with a repository", async () => {
  const repository = new Repository(sources.directory, "other");
  repository.commit({ f: "of the repository" });
  const given = await build(["-f", "-", `${sources.git}/other.git`], "FROM busybox\nCOPY f /given\n");
  expect(given.exitCode, given.stderr).toBe(0);
  expect(await shown("cat /given")).toBe("of the repository");
});

withBuildx("an archive and a Dockerfile come on standard input", async () => {
  write({ Dockerfile: "FROM busybox\nCOPY f /f\n", f: "streamed" });
  const tar = join(daemon.directory, "context.tgz");
  await daemon.inNamespaces(["tar", "-C", context, "-czf", tar, "."]);
  const flags = "build --progress plain -t built -";
  const env = {
    DOCKER_HOST: `unix://${daemon.socket}`,
    DOCKER_CONFIG: join(daemon.directory, "docker-config"),
    TMPDIR: daemon.directory,
  };
  const piped = await daemon.inNamespaces(["sh", "-c", `docker ${flags} < ${tar}`], { env, timeoutMs: 60_000 });
  expect(piped.exitCode, piped.stderr).toBe(0);
  expect(await shown("cat /f")).toBe("streamed");
  const alone = await build(["-"], "FROM busybox\nRUN echo alone > /f\n");
  expect(alone.exitCode, alone.stderr).toBe(0);
  expect(await shown("cat /f")).toBe("alone");
});

withBuildx("named contexts are directories, images, repositories and URLs", async () => {
  write({
    Dockerfile:
      "FROM base\nCOPY --from=lib . /lib\nCOPY --from=repo f /repo\nCOPY --from=packed f /packed\nRUN --mount=from=lib,target=/m cat /m/f > /n\n",
  });
  const lib = join(daemon.directory, "lib");
  write({ f: "lib ", ignored: "x", ".dockerignore": "ignored\n" }, lib);
  new Repository(sources.directory, "repo").commit({ f: "repo " });
  write({ f: "packed " }, join(daemon.directory, "packed"));
  await daemon.inNamespaces([
    ...["tar", "-C", join(daemon.directory, "packed"), "-cf", join(sources.directory, "packed.tar"), "f"],
  ]);
  const named = [
    ...["base=docker-image://busybox", `lib=${lib}`, `repo=${sources.git}/repo.git`],
    `packed=${sources.http}/packed.tar`,
  ].flatMap((each) => ["--build-context", each]);
  const { exitCode, stderr } = await build([...named, context]);
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toContain("[context lib] load from client");
  expect(await shown("cat /lib/f /repo /packed /n; ls /lib")).toBe("lib repo packed lib f");
  expect(leftBehind()).toEqual([]);
});

test.skipIf(!canBuild || !hasAgent())("docker build --ssh lends a step the client's agent", async () => {
  const agent = await startAgent(daemon);
  copySshAdd(join(context, "root"));
  write({ Dockerfile: "FROM busybox\nCOPY root /\nRUN --mount=type=ssh,required ssh-add -l > /seen\n" });
  const env = { SSH_AUTH_SOCK: agent.socket };
  const flags = ["build", "--progress", "plain", "-t", "built"];
  const given = await daemon.docker([...flags, "--ssh", "default", context], { env, timeoutMs: 60_000 });
  expect(given.exitCode, given.stderr).toBe(0);
  expect(await shown("cat /seen")).toContain(agent.fingerprint);
  const missing = await daemon.docker([...flags, "--no-cache", context], { env, timeoutMs: 60_000 });
  expect([missing.exitCode, missing.stderr]).toEqual([1, expect.stringContaining("unset ssh forward key default")]);
});

withBuildx("an OCI layout is a named context", async () => {
  const layout = join(daemon.directory, "layout");
  write({ Dockerfile: "FROM busybox\nRUN echo of the layout > /f\n" });
  const exported = await daemon.cli(["build", "-o", `type=oci,dest=${layout}.tar,name=base:latest`, context]);
  expect(exported.exitCode, exported.stderr).toBe(0);
  mkdirSync(layout);
  await daemon.inNamespaces(["tar", "-C", layout, "-xf", `${layout}.tar`]);
  await daemon.cli(["builder", "prune", "-af"]);
  write({ Dockerfile: "FROM base\nCOPY --from=base /f /g\n" });
  const { exitCode, stderr } = await build(["--build-context", `base=oci-layout://${layout}`, context]);
  expect(exitCode, stderr).toBe(0);
  expect(await shown("cat /f /g")).toBe("of the layout\nof the layout");
});

withBuildx("a client that vanishes while it sends its files leaves nothing", async () => {
  write({ Dockerfile: "FROM busybox\nCOPY . /all\nRUN sleep 600\n" });
  const file = openSync(join(context, "large"), "w");
  ftruncateSync(file, 512 << 20);
  closeSync(file);
  const env = { DOCKER_HOST: `unix://${daemon.socket}`, DOCKER_CONFIG: join(daemon.directory, "docker-config") };
  // Ended as hard as can be, as soon as the engine has begun to take something in.
  const builds = join(daemon.dataRoot, "builds");
  const script = `docker build ${context} >/dev/null 2>&1 & until ls ${builds} | grep -q archive-; do sleep 0.02; done; sleep 0.2; pkill -9 -P $!; kill -9 $!; wait`;
  await daemon.inNamespaces(["bash", "-c", script], { env, timeoutMs: 60_000 });
  for (let tries = 0; tries < 600 && leftBehind().length > 0; tries += 1) await Bun.sleep(100);
  expect(leftBehind()).toEqual([]);
  const running = await daemon.inNamespaces(["pgrep", "-fc", "sleep 600"]);
  expect(running.stdout.trim()).toBe("0");
});
