import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "../../src/os/find-program.ts";
import { Containers } from "../support/containers.ts";
import { writeContext } from "../support/context-files.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { debianBuildx, installBuildx } from "../support/docker-plugins.ts";
import { startRegistry } from "../support/registry.ts";

const canBuild = findProgram("docker") !== undefined && existsSync(debianBuildx);
if (!canBuild) console.log("SKIPPED builds through BuildKit's protocol: there is no docker client with buildx");
const withBuildx = test.skipIf(!canBuild);

let daemon: TestDaemon;
let box: Containers;
let context: string;
beforeAll(async () => {
  if (!canBuild) return;
  daemon = await startDaemon();
  box = new Containers(daemon.api);
  context = join(daemon.directory, "context");
  installBuildx(daemon, debianBuildx);
});
afterEach(async () => {
  await box?.clear();
  if (context) rmSync(context, { recursive: true, force: true });
});
afterAll(() => daemon?.stop());

const write = (files: Readonly<Record<string, string>>): void => writeContext(context, files);

const build = (...flags: string[]) =>
  daemon.docker(["build", "--progress", "plain", "-t", "built", ...flags, context], { timeoutMs: 60_000 });

withBuildx("docker build sends its files, shows each step and makes the image", async () => {
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`many/${index}`, `${index}\n`]));
  write({
    Dockerfile:
      "FROM busybox AS one\nARG who=nobody\nCOPY . /all\nRUN echo hello $who; ls /all/many | wc -l > /n\nFROM one\nLABEL made=here\n",
    ".dockerignore": "left-out\n",
    "left-out": "x",
    "a name with ümlaut": "y",
    big: "z".repeat(20 << 20),
    ...many,
  });
  const { exitCode, stderr } = await build("--build-arg", "who=you");
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toContain("[internal] load build context");
  expect(stderr).toMatch(/#\d+ [\d.]+ hello you/);
  const shown = await box.output("cat /n; cd /all; find . -maxdepth 1 | sort; stat -c %s big", { Image: "built" });
  expect(shown.split("\n")).toEqual([
    "500",
    ".",
    "./.dockerignore",
    "./Dockerfile",
    "./a name with ümlaut",
    "./big",
    "./many",
    `${20 << 20}`,
  ]);
  expect((await daemon.api.ok("GET", "/images/built/json")).Config.Labels).toEqual({ made: "here" });
});

withBuildx("a second build takes every step from the cache", async () => {
  write({ Dockerfile: "FROM busybox\nCOPY f /f\nRUN cat /f > /g\n", f: "1" });
  await build();
  const { stderr } = await build();
  expect(stderr.match(/^#\d+ CACHED$/gm)?.length).toBe(2);
});

withBuildx("secrets of the client reach their step", async () => {
  writeFileSync(join(daemon.directory, "secret"), "hush");
  write({ Dockerfile: "FROM busybox\nRUN --mount=type=secret,id=s,required wc -c < /run/secrets/s > /n\n" });
  const given = await build("--secret", `id=s,src=${join(daemon.directory, "secret")}`);
  expect(given.exitCode, given.stderr).toBe(0);
  expect(await box.output("cat /n", { Image: "built" })).toBe("4");
  const missing = await build("--no-cache");
  expect([missing.exitCode, missing.stderr]).toEqual([1, expect.stringContaining("secret s: not found")]);
});

withBuildx("a step that fails and a Dockerfile with a fault are told", async () => {
  write({ Dockerfile: "FROM busybox\nRUN echo why; exit 5\n" });
  const failed = await build();
  expect([failed.exitCode, failed.stderr]).toEqual([1, expect.stringContaining("exit code: 5")]);
  expect(failed.stderr).toContain("why");
  expect(failed.stderr).toContain("2 | >>> RUN echo why; exit 5");
  write({ Dockerfile: "FROM busybox\nRUM x\n" });
  const faulty = await build();
  expect([faulty.exitCode, faulty.stderr]).toEqual([1, expect.stringContaining("unknown instruction: RUM")]);
  // By the client alone.
  expect(faulty.stderr.match(/>>> RUM x/g)).toHaveLength(1);
});

withBuildx("targets, names, files from elsewhere and the image's id are as asked", async () => {
  write({
    Dockerfile: "FROM busybox AS a\nRUN echo a > /x\nFROM busybox AS b\nRUN exit 1\n",
    "other/Build": "FROM busybox\nRUN echo other > /x\n",
  });
  const flags = ["--target", "a", "-t", "second:tag", "--iidfile", join(daemon.directory, "id")];
  expect((await build(...flags)).exitCode).toBe(0);
  expect(await box.output("cat /x", { Image: "second:tag" })).toBe("a");
  const id = await Bun.file(join(daemon.directory, "id")).text();
  expect((await daemon.api.ok("GET", `/images/${id}/json`)).RepoTags.sort()).toEqual(["built:latest", "second:tag"]);
  expect((await build("-f", join(context, "other/Build"))).exitCode).toBe(0);
  expect(await box.output("cat /x", { Image: "built" })).toBe("other");
});

withBuildx("the files of a build go into a directory and into an archive", async () => {
  write({
    Dockerfile:
      "FROM busybox AS made\nRUN mkdir -p /out/d /out/d.e && echo text > /out/d/file && chmod 640 /out/d/file && touch -d '2001-02-03 04:05:06' /out/d/file && ln /out/d/file /out/d/hard && ln -s /etc/passwd /out/link && : > /out/d.e/empty && dd if=/dev/zero of=/out/big bs=1M count=9\nFROM scratch\nCOPY --from=made /out /\n",
  });
  const out = join(daemon.directory, "out");
  const outputs = ["-o", `type=local,dest=${out}`, "-o", `type=tar,dest=${out}.tar`];
  const { exitCode, stderr } = await daemon.docker(["buildx", "build", ...outputs, context], { timeoutMs: 60_000 });
  expect(exitCode, stderr).toBe(0);
  expect(readdirSync(out, { recursive: true }).sort()).toEqual([
    ...["big", "d", "d.e", "d.e/empty", "d/file", "d/hard", "link"],
  ]);
  const file = lstatSync(join(out, "d/file"));
  expect([file.mode & 0o777, file.mtime.toISOString()]).toEqual([0o640, "2001-02-03T04:05:06.000Z"]);
  expect(lstatSync(join(out, "d/hard")).ino).toBe(file.ino);
  expect(readlinkSync(join(out, "link"))).toBe("/etc/passwd");
  expect(lstatSync(join(out, "big")).size).toBe(9 << 20);
  const listed = await daemon.inNamespaces(["tar", "-tf", `${out}.tar`]);
  expect(listed.stdout.split("\n").filter(Boolean)).toEqual([
    ...["big", "d/", "d/file", "d/hard", "d.e/", "d.e/empty", "link"],
  ]);
  for (const path of [out, `${out}.tar`]) rmSync(path, { recursive: true });
});

withBuildx("the image goes into archives that load again, and into a registry", async () => {
  write({ Dockerfile: "FROM busybox\nRUN echo made > /made\n" });
  const registry = await startRegistry({ enter: daemon.enter });
  const [oci, docker, facts] = ["oci.tar", "docker.tar", "facts"].map((name) => join(daemon.directory, name)) as [
    string,
    string,
    string,
  ];
  const name = `${registry.host}/from/buildx:v1`;
  const more = (...flags: string[]) =>
    daemon.docker(["buildx", "build", "-t", name, ...flags, context], { timeoutMs: 60_000 });
  const archived = await more("-o", `type=oci,dest=${oci}`);
  expect(archived.exitCode, archived.stderr).toBe(0);
  expect((await more("-o", `type=docker,dest=${docker}`)).exitCode).toBe(0);
  const pushed = await more("--push", "--metadata-file", facts);
  expect(pushed.exitCode, pushed.stderr).toBe(0);
  const { Id, RepoDigests } = await daemon.api.ok("GET", `/images/${name}/json`);
  const told = JSON.parse(readFileSync(facts, "utf8"));
  expect(RepoDigests).toContain(`${registry.host}/from/buildx@${told["containerimage.digest"]}`);
  expect(told["containerimage.config.digest"]).toBe(Id);
  const layout = join(daemon.directory, "layout");
  const kept = await more("-o", `type=oci,tar=false,dest=${layout}`);
  expect(kept.exitCode, kept.stderr).toBe(0);
  await daemon.inNamespaces(["tar", "-C", layout, "-cf", `${layout}.tar`, "."]);
  for (const args of [
    ["load", "-i", oci],
    ["load", "-i", `${layout}.tar`],
    ["load", "-i", docker],
    ["pull", name],
  ]) {
    await daemon.docker(["rmi", "-f", Id]);
    expect((await daemon.docker(args)).exitCode).toBe(0);
    expect((await daemon.api.ok("GET", `/images/${name}/json`)).Id).toBe(Id);
  }
  await registry.close();
  for (const path of [oci, docker, facts, layout, `${layout}.tar`]) rmSync(path, { recursive: true });
});

withBuildx("--progress rawjson of both command lines has the same form", async () => {
  write({ Dockerfile: "FROM busybox\nRUN echo hello; false\n" });
  const flags = ["build", "--no-cache", "--progress", "rawjson", context];
  const raw = [await daemon.cli(flags), await daemon.docker(["buildx", ...flags])];
  const [ours, theirs] = raw.map(({ stderr }) => {
    // Older clients spread an object over lines.
    const objects = stderr.split(/\n(?=\{|[A-Zi])/).filter((text) => text.startsWith("{"));
    const members = objects.flatMap((line) => Object.entries(JSON.parse(line) as Record<string, object[]>));
    return new Set(
      members.flatMap(([list, each]) => each.flatMap((of) => Object.keys(of).map((key) => `${list}.${key}`))),
    );
  });
  const known = [
    "vertexes.name",
    "vertexes.started",
    "vertexes.completed",
    "vertexes.error",
    "logs.data",
    "logs.stream",
  ];
  for (const member of known) expect([...ours!]).toContain(member);
  expect([...ours!].filter((member) => !theirs!.has(member))).toEqual([]);
  expect(raw[0]!.stderr).toContain(`"data":"${Buffer.from("hello\n").toString("base64")}"`);
});

withBuildx("a client that is ended takes its build along", async () => {
  write({ Dockerfile: "FROM busybox\nRUN echo begun; sleep 600\n" });
  const log = join(daemon.directory, "ended.log");
  const script = `docker build --progress plain ${context} > ${log} 2>&1 & until grep -q ' begun$' ${log}; do sleep 0.1; done; kill -INT $!; wait`;
  const env = { DOCKER_HOST: `unix://${daemon.socket}`, DOCKER_CONFIG: join(daemon.directory, "docker-config") };
  await daemon.inNamespaces(["bash", "-c", script], { env, timeoutMs: 70_000 });
  const running = async () => (await daemon.inNamespaces(["pgrep", "-fc", "sleep 600"])).stdout.trim();
  for (let tries = 0; tries < 300 && (await running()) !== "0"; tries += 1) await Bun.sleep(100);
  expect(await running()).toBe("0");
});

withBuildx("files that have not changed are not sent again", async () => {
  await daemon.cli(["builder", "prune", "-af"]);
  write({ Dockerfile: "FROM busybox\nCOPY . /all\n", same: "as sent first", other: "1", gone: "1" });
  expect((await build()).exitCode).toBe(0);
  const builds = join(daemon.dataRoot, "builds");
  const [kept] = readdirSync(builds).filter((name) => name.startsWith("context-"));
  writeFileSync(join(builds, kept!, "same"), "as the engine kept it");
  write({ other: "2" });
  rmSync(join(context, "gone"));
  expect((await build()).exitCode).toBe(0);
  const shown = await box.output("cd /all && ls && cat same other", { Image: "built" });
  expect(shown).toBe("Dockerfile\nother\nsame\nas the engine kept it2");
});
