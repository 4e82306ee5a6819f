import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "../../src/os/find-program.ts";
import { Containers } from "../support/containers.ts";
import { writeContext } from "../support/context-files.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { Repository, type Sources, startSources } from "../support/sources.ts";

if (!findProgram("git")) console.log("SKIPPED builds from repositories: there is no git");
const withGit = test.skipIf(!findProgram("git"));

let daemon: TestDaemon;
let box: Containers;
let context: string;
let sources: Sources;
beforeAll(async () => {
  daemon = await startDaemon();
  box = new Containers(daemon.api);
  context = join(daemon.directory, "context");
  sources = await startSources(daemon);
});
afterEach(async () => {
  await box.clear();
  rmSync(context, { recursive: true, force: true });
});
afterAll(async () => {
  await sources?.stop();
  await daemon.stop();
});

const write = (files: Readonly<Record<string, string>>, directory = context): void => writeContext(directory, files);

const build = (...args: string[]) => daemon.cli(["build", "-t", "built", ...args], { timeoutMs: 60_000 });
const shown = (command: string): Promise<string> => box.output(command, { Image: "built" });
const leftBehind = (): string[] =>
  readdirSync(join(daemon.dataRoot, "builds")).filter((name) => !/^(cache|context-)/.test(name));

withGit("a repository is built at a branch, a tag, a commit and in a directory of it", async () => {
  const repository = new Repository(sources.directory, "app");
  const first = repository.commit({
    Dockerfile: "FROM busybox\nCOPY . /all\n",
    f: "1",
    "sub/Dockerfile": "FROM busybox\nCOPY f /f\n",
    "sub/f": "below",
  });
  repository.git("tag", "-a", "v1", "-m", "one");
  repository.commit({ f: "2" });
  repository.git("checkout", "-q", "-b", "side");
  repository.commit({ f: "3" });
  const url = `${sources.git}/app.git`;
  const expected: ReadonlyArray<readonly [string, string]> = [
    [url, "2"],
    [`${url}#side`, "3"],
    [`${url}#v1`, "1"],
    [`${url}#${first}`, "1"],
    [`${sources.http}/app.git?branch=side`, "3"],
    [`${sources.http}/app.git#${first}`, "1"],
    [`${sources.http}/app.git?tag=v1&commit=${first.slice(0, 12)}`, "1"],
  ];
  for (const [from, content] of expected) {
    const { exitCode, stderr } = await build(from);
    expect([exitCode, from], stderr).toEqual([0, from]);
    expect(await shown("cat /all/f; ls -a /all | grep -c git || true")).toBe(`${content}0`);
  }
  expect((await build(`${url}#main:sub`)).exitCode).toBe(0);
  expect(await shown("cat /f")).toBe("below");
  expect((await build("--build-arg", "BUILDKIT_CONTEXT_KEEP_GIT_DIR=1", url)).exitCode).toBe(0);
  expect(await shown("cat /all/f; ls -d /all/.git")).toBe("2/all/.git");
  expect(leftBehind()).toEqual([]);
});

withGit("an unchanged repository is built from the cache", async () => {
  const repository = new Repository(sources.directory, "cached");
  repository.commit({ Dockerfile: "FROM busybox\nCOPY . /all\nRUN cat /all/f\n", f: "1" });
  const url = `${sources.http}/cached.git`;
  await build(url);
  expect((await build(url)).stderr.match(/^#\d+ CACHED$/gm)).toHaveLength(2);
  // The commit is known by its name alone: nothing is fetched, but for who shows other credentials.
  const first = repository.git("rev-parse", "HEAD");
  repository.remove();
  const again = await build("--no-cache", `${url}#${first}`);
  expect(again.exitCode, again.stderr).toBe(0);
  const other = ["--secret", "id=GIT_AUTH_TOKEN,env=TOKEN", `${url}#${first}`];
  expect((await daemon.cli(["build", ...other], { env: { TOKEN: "other" } })).exitCode).toBe(1);
  expect((await build("--no-cache", url)).exitCode).toBe(1);
  await daemon.cli(["builder", "prune", "-af"]);
  expect((await build(`${url}#${first}`)).exitCode).toBe(1);
});

withGit("a repository that changes is built anew", async () => {
  const repository = new Repository(sources.directory, "changing");
  repository.commit({ Dockerfile: "FROM busybox\nCOPY . /all\nRUN cat /all/f\n", f: "1" });
  const url = `${sources.git}/changing.git`;
  await build(url);
  repository.commit({ f: "2" });
  expect((await build(url)).stderr).not.toContain("CACHED");
});

withGit("submodules come along, but from nowhere on this machine", async () => {
  const inner = new Repository(sources.directory, "inner");
  inner.commit({ x: "inside" });
  const outer = new Repository(sources.directory, "outer");
  outer.git("submodule", "--quiet", "add", inner.bare, "part");
  outer.git("config", "-f", ".gitmodules", "submodule.part.url", "../inner.git");
  outer.commit({ Dockerfile: "FROM busybox\nCOPY . /all\n" });
  const { exitCode, stderr } = await build(`${sources.git}/outer.git`);
  expect(exitCode, stderr).toBe(0);
  expect(await shown("cat /all/part/x; ls -a /all/part")).toBe("inside.\n..\nx");
  expect((await build(`${sources.git}/outer.git?submodules=false`)).exitCode).toBe(0);
  expect(await shown("ls /all/part")).toBe("");
  outer.git("config", "-f", ".gitmodules", "submodule.part.url", `file://${inner.bare}`);
  outer.commit({});
  const refused = await build(`${sources.git}/outer.git`);
  expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining("transport 'file' not allowed")]);
  expect(leftBehind()).toEqual([]);
});

withGit("a private repository wants the client's token, which nothing keeps", async () => {
  const repository = new Repository(join(sources.directory, "private"), "closed");
  repository.commit({ Dockerfile: "FROM busybox\nCOPY f /f\n", f: "closed" });
  const url = `${sources.http}/private/closed.git`;
  const refused = await build(url);
  expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining("GIT_AUTH_TOKEN")]);
  const secret = ["--secret", "id=GIT_AUTH_TOKEN,env=TOKEN"];
  const given = await daemon.cli(["build", "-t", "built", ...secret, url], { env: { TOKEN: sources.token } });
  expect(given.exitCode, given.stderr).toBe(0);
  expect(await shown("cat /f")).toBe("closed");
  const found = await daemon.inNamespaces(["grep", "-rl", sources.token, daemon.dataRoot, daemon.execRoot]);
  expect(found.stdout).toBe("");
});

const refusals: ReadonlyArray<readonly [string, string]> = [
  ["/none.git", "cannot read"],
  ["/app.git#nothing", "has no ref nothing"],
  ["/app.git#main:nowhere", "no directory nowhere"],
  ["/app.git#--upload-pack=x", "invalid git ref"],
  ["/app.git#0123456789012345678901234567890123456789", "0123456789012345678901234567890123456789"],
];
for (const [path, why] of refusals) {
  withGit(`git${path} is refused by name`, async () => {
    const { exitCode, stderr } = await build(`${sources.git}${path}`);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(why)]);
    expect(leftBehind()).toEqual([]);
  });
}

withGit("links of a repository lead nowhere but into it", async () => {
  const repository = new Repository(sources.directory, "links");
  symlinkSync("/etc", join(repository.tree, "sub"));
  repository.commit({ Dockerfile: "FROM busybox\nCOPY sub/passwd /x\n" });
  expect((await build(`${sources.git}/links.git`)).stderr).toContain('"/sub/passwd": not found');
  expect((await build(`${sources.git}/links.git#:sub`)).exitCode).toBe(1);
});

test("an archive and a Dockerfile come from a URL", async () => {
  write({ Dockerfile: "FROM busybox\nCOPY f /f\n", "other/Build": "FROM busybox\nCOPY f /g\n", f: "from afar" });
  await daemon.inNamespaces(["tar", "-C", context, "-czf", join(sources.directory, "app.tgz"), "."]);
  writeFileSync(join(sources.directory, "Alone"), "FROM busybox\nRUN echo alone > /f\n");
  expect((await build(`${sources.http}/app.tgz`)).exitCode).toBe(0);
  expect(await shown("cat /f")).toBe("from afar");
  expect((await build("-f", "other/Build", `${sources.http}/app.tgz`)).exitCode).toBe(0);
  expect(await shown("cat /g")).toBe("from afar");
  expect((await build(`${sources.http}/Alone`)).exitCode).toBe(0);
  expect(await shown("cat /f")).toBe("alone");
  expect((await build(`${sources.http}/nothing`)).stderr).toContain("the server answered 404");
  expect((await build(`${sources.http}/redirect/x`)).stderr).toContain("it leads to file:///etc/passwd");
  expect(leftBehind()).toEqual([]);
});

test("the classic door takes remotes too", async () => {
  writeFileSync(join(sources.directory, "Classic"), "FROM busybox\nRUN echo classic > /f\n");
  const answer = await daemon.api.ok("POST", "/build", { query: { remote: `${sources.http}/Classic`, t: "built" } });
  expect(JSON.stringify(answer)).toContain("Successfully built");
  expect(await shown("cat /f")).toBe("classic");
  const refused = await daemon.api.post("/build", { query: { remote: "file:///etc" } });
  expect([refused.status, refused.json.message]).toEqual([501, expect.stringContaining("file:///etc")]);
});

test("named contexts stand for stages, images and files", async () => {
  write({
    Dockerfile:
      "FROM base AS one\nFROM replaced AS two\nFROM busybox AS three\nRUN exit 1\nFROM one\nCOPY --from=lib . /lib\nCOPY --from=three f /three\nRUN --mount=from=lib,target=/m cat /m/f > /n\n",
  });
  const lib = join(daemon.directory, "lib");
  write({ f: "of lib", ignored: "x", ".dockerignore": "ignored\n" }, lib);
  const stage = join(daemon.directory, "stage");
  write({ f: "of stage" }, stage);
  const named = ["base=docker-image://busybox", `lib=${lib}`, `three=${stage}`].flatMap((each) => [
    "--build-context",
    each,
  ]);
  const first = await build(...named, context);
  expect(first.exitCode, first.stderr).toBe(0);
  expect(await shown("cat /lib/f /three /n; ls /lib")).toBe("of libof stageof libf");
  const again = await build(...named, context);
  expect(again.stderr.match(/^#\d+ CACHED$/gm)).toHaveLength(3);
  write({ f: "changed" }, lib);
  expect((await build(...named, context)).exitCode).toBe(0);
  expect(await shown("cat /n")).toBe("changed");
});

test("a base may be a directory, an archive or a repository by a name", async () => {
  write({ Dockerfile: "FROM root\nCOPY --from=busybox /bin /bin\nCOPY --from=far f /far\n" });
  const root = join(daemon.directory, "root");
  write({ "etc/here": "root" }, root);
  writeFileSync(join(daemon.directory, "f"), "far");
  await daemon.inNamespaces(["tar", "-C", daemon.directory, "-cf", join(sources.directory, "far.tar"), "f"]);
  const { exitCode, stderr } = await build(
    "--build-context",
    `root=${root}`,
    "--build-context",
    `far=${sources.http}/far.tar`,
    context,
  );
  expect(exitCode, stderr).toBe(0);
  expect(await shown("cat /etc/here /far")).toBe("rootfar");
  const refused = await build("--build-context", "root=ftp://x/y", context);
  expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining("the named context root: ftp://x/y")]);
});

test("named directories and a context on standard input come together", async () => {
  const lib = join(daemon.directory, "lib2");
  write({ f: "lib" }, lib);
  const flags = ["build", "-t", "built", "--build-context", `lib=${lib}`, "-"];
  const { exitCode, stderr } = await daemon.cli(flags, { input: "FROM busybox\nCOPY --from=lib f /f\n" });
  expect(exitCode, stderr).toBe(0);
  expect(await shown("cat /f")).toBe("lib");
});

test("an image of a directory stands for a base and for files to copy, and is not kept", async () => {
  const layout = join(daemon.directory, "layout");
  write({ Dockerfile: "FROM busybox\nRUN echo of the layout > /f\nENV from=layout\n" });
  const exported = await daemon.cli(["build", "-o", `type=oci,dest=${layout}.tar`, context], { timeoutMs: 60_000 });
  expect(exported.exitCode, exported.stderr).toBe(0);
  mkdirSync(layout);
  await daemon.inNamespaces(["tar", "-C", layout, "-xf", `${layout}.tar`]);
  await daemon.cli(["builder", "prune", "-af"]);
  const images = async () => (await daemon.cli(["images", "-aq"])).stdout;
  await daemon.cli(["rmi", "-f", "built"]);
  const before = await images();
  write({ Dockerfile: "FROM base\nRUN echo $from >> /f\nCOPY --from=base /f /g\n" });
  const named = ["--build-context", `base=oci-layout://${layout}`];
  const { exitCode, stderr } = await build(...named, context);
  expect(exitCode, stderr).toBe(0);
  expect(await shown("cat /f /g")).toBe("of the layout\nlayout\nof the layout");
  await daemon.cli(["rmi", "-f", "built"]);
  expect(await images()).toBe(before);
  const digest = `sha256:${"0".repeat(64)}`;
  const refused = await build("--build-context", `base=oci-layout://${layout}@${digest}`, context);
  expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining(`has no blob ${digest}`)]);
  const missing = await build("--build-context", "base=oci-layout:///nowhere:x", context);
  expect([missing.exitCode, missing.stderr]).toEqual([1, expect.stringContaining("holds no image x")]);
});

withGit("a Dockerfile on standard input goes with a repository, and with named directories", async () => {
  new Repository(sources.directory, "files").commit({ Dockerfile: "FROM nothing\n", f: "of the repository" });
  const lib = join(daemon.directory, "lib3");
  write({ g: " and of a directory" }, lib);
  const input = "FROM busybox\nCOPY f /f\nCOPY --from=lib g /g\n";
  const flags = ["build", "-t", "built", "-f", "-", "--build-context", `lib=${lib}`, `${sources.git}/files.git`];
  const { exitCode, stderr } = await daemon.cli(flags, { input });
  expect(exitCode, stderr).toBe(0);
  expect(await shown("cat /f /g")).toBe("of the repository and of a directory");
  const checked = await daemon.cli(["build", "--check", "-f", "-", `${sources.git}/files.git`], {
    input: "FROM busybox\nCMD x\n",
  });
  expect([checked.exitCode, checked.stdout]).toEqual([1, expect.stringContaining("JSONArgsRecommended")]);
});
