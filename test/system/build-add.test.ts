import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { findProgram } from "../../src/os/find-program.ts";
import { Containers } from "../support/containers.ts";
import { writeContext } from "../support/context-files.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { Repository, type Sources, startSources } from "../support/sources.ts";
import { archiveOf, link } from "./archive-corpus.ts";

if (!findProgram("git")) console.log("SKIPPED ADD from repositories: there is no git");
const withGit = test.skipIf(!findProgram("git"));

let daemon: TestDaemon;
let box: Containers;
let context: string;
let sources: Sources;
beforeAll(async () => {
  // A small disk, which a bomb would fill.
  daemon = await startDaemon({
    prepare: async ({ dataRoot, inNamespaces }) => {
      mkdirSync(dataRoot);
      await inNamespaces(["mount", "-t", "tmpfs", "-o", "size=340m", "tmpfs", dataRoot]);
    },
  });
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

const write = (files: Readonly<Record<string, string | Uint8Array>>): void => writeContext(context, files);

const build = (...args: string[]) => daemon.cli(["build", "-t", "built", ...args, context], { timeoutMs: 60_000 });
const shown = (command: string): Promise<string> => box.output(command, { Image: "built" });
const cached = (log: string): number => log.match(/^#\d+ CACHED$/gm)?.length ?? 0;
async function leftBehind(): Promise<string> {
  const { stdout } = await daemon.inNamespaces(["ls", join(daemon.dataRoot, "builds")]);
  return stdout
    .split("\n")
    .filter((name) => name !== "" && !/^(cache|context-)/.test(name))
    .join(" ");
}
async function built(dockerfile: string): Promise<string> {
  write({ Dockerfile: dockerfile });
  const { exitCode, stderr } = await build();
  expect(exitCode, stderr).toBe(0);
  return stderr;
}
async function refused(dockerfile: string, why: string): Promise<void> {
  write({ Dockerfile: dockerfile });
  const { exitCode, stderr } = await build();
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining(why)]);
  expect(await leftBehind()).toBe("");
}

withGit("ADD takes a repository, a directory of it and its .git, and knows it by its commit", async () => {
  const repository = new Repository(sources.directory, "lib");
  const first = repository.commit({ f: "1", "sub/g": "below" });
  const url = `${sources.git}/lib.git`;
  await built(`FROM busybox\nADD ${url} /all\nADD ${url}#main:sub /sub/\nADD --keep-git-dir ${url} /kept\n`);
  expect(await shown("cat /all/f /sub/g; ls -a /all | grep -c git; ls -d /kept/.git; stat -c %u:%a /all/f")).toBe(
    "1below0\n/kept/.git\n0:644",
  );
  expect(cached(await built(`FROM busybox\nADD ${url} /all\n`))).toBe(1);
  repository.commit({ f: "2" });
  expect(cached(await built(`FROM busybox\nADD ${url} /all\n`))).toBe(0);
  expect(await shown("cat /all/f")).toBe("2");
  await built(`FROM busybox\nADD --checksum=${first} --chown=7:8 ${url}#${first} /all\n`);
  expect(await shown("cat /all/f; stat -c %u:%g /all/f /all/sub")).toBe("17:8\n7:8");
  await refused(`FROM busybox\nADD --checksum=${first} ${url} /all\n`, `and not ${first}`);
  await refused(`FROM busybox\nADD --checksum=sha256:x ${url} /all\n`, "it is a commit");
  await refused(`FROM busybox\nADD ${url}#none /all\n`, "has no ref none");
});

test("ADD of a URL is held against its checksum, and not fetched while the cache has it", async () => {
  const file = join(sources.directory, "file");
  writeFileSync(file, "content");
  const digest = (name: string) => `${name}:${createHash(name).update("content").digest("hex")}`;
  for (const name of ["sha256", "sha384", "sha512"]) {
    await built(`FROM busybox\nADD --checksum=${digest(name)} ${sources.http}/file /${name}\n`);
    expect(await shown(`cat /${name}; stat -c %a /${name}`)).toBe("content600");
  }
  await refused(
    `FROM busybox\nADD --checksum=sha256:${"0".repeat(64)} ${sources.http}/file /f\n`,
    `digest mismatch of ${sources.http}/file`,
  );
  rmSync(file);
  const once = `FROM busybox\nADD --checksum=${digest("sha256")} ${sources.http}/file /sha256\n`;
  expect(cached(await built(once))).toBe(1);
  await refused("FROM busybox\nADD --checksum=md5:x http://127.0.0.1/x /f\n", "invalid checksum digest");
  await refused(`FROM busybox\nADD --checksum=${digest("sha256")} Dockerfile /f\n`, "local sources");
  await refused(`FROM busybox\nADD --checksum=${digest("sha256")} Dockerfile Dockerfile /f/\n`, "multiple sources");
});

const compressions: ReadonlyArray<readonly [name: string, compress: (path: string) => readonly string[]]> = [
  ["xz", (path) => ["xz", "-zk", path]],
  ["bz2", (path) => ["bzip2", "-zk", path]],
  ["gz", (path) => ["gzip", "-k", path]],
];
for (const [name, compress] of compressions) {
  test(`an archive compressed with ${name} is unpacked, whole or not at all`, async () => {
    // More than a block of any of the formats: a cut in a later one is seen while it is unpacked.
    const random = Buffer.from(Array.from({ length: 1_500_000 }, (_, index) => (index * index * 31) >> 7));
    write({ "in/big": random, "in/x": name, plain: "no archive" });
    await daemon.inNamespaces(["tar", "-C", join(context, "in"), "-cf", join(context, "a.tar"), "."]);
    for (const file of ["a.tar", "plain"]) await daemon.inNamespaces([...compress(join(context, file))]);
    rmSync(join(context, "in"), { recursive: true });
    await built(`FROM busybox\nADD a.tar.${name} /all\nADD plain.${name} /\nCOPY a.tar.${name} /\n`);
    expect(await shown(`cat /all/x; sha256sum < /all/big; ls /plain.${name} /a.tar.${name}`)).toBe(
      `${name}${createHash("sha256").update(random).digest("hex")}  -\n/a.tar.${name}\n/plain.${name}`,
    );
    const whole = await Bun.file(join(context, `a.tar.${name}`)).bytes();
    write({ [`a.tar.${name}`]: whole.subarray(0, whole.length - 100) });
    write({ Dockerfile: `FROM busybox\nADD a.tar.${name} /broken\n` });
    expect((await build()).exitCode).toBe(1);
    expect(await leftBehind()).toBe("");
  });
}

test("a context may be compressed with xz and zstd", async () => {
  write({ Dockerfile: "FROM busybox\nCOPY f /f\n", f: "xz" });
  const tar = join(daemon.directory, "context.tar");
  await daemon.inNamespaces(["tar", "-C", context, "-cf", tar, "."]);
  await daemon.inNamespaces(["xz", "-k", tar]);
  const flags = ["build", "-t", "built", "-"];
  for (const input of [await Bun.file(`${tar}.xz`).bytes(), zstdCompressSync(await Bun.file(tar).bytes())]) {
    expect((await daemon.cli(flags, { input })).exitCode).toBe(0);
    expect(await shown("cat /f")).toBe("xz");
  }
});

test("an archive that would fill the disk ends before it does, and leaves nothing", async () => {
  mkdirSync(context);
  const script = `head -c 150M /dev/zero > b; tar -cf b.tar b; bzip2 -k b.tar; xz -0 b.tar; rm -f b b.tar`;
  await daemon.inNamespaces(["sh", "-c", `cd ${context} && ${script}`], { timeoutMs: 60_000 });
  const used = async () => Number((await daemon.inNamespaces(["du", "-sm", daemon.dataRoot])).stdout.split("\t")[0]);
  const before = await used();
  for (const name of ["b.tar.bz2", "b.tar.xz"]) {
    await refused(`FROM busybox\nADD ${name} /x/\n`, "unpacks to more than the disk has room for");
  }
  expect(await used()).toBeLessThanOrEqual(before + 1);
  await built("FROM busybox\nRUN echo alive > /f\n");
}, 60_000);

test("an archive's paths and links lead nowhere but into the image", async () => {
  const outside = join(daemon.directory, "outside");
  const evil = archiveOf(
    link("up", daemon.directory),
    { name: "up/outside", body: "through a link" },
    { name: outside, body: "by name" },
  );
  write({ "evil.tar": evil, "dots.tar": archiveOf({ name: `../../../../../../..${outside}`, body: "by dots" }) });
  await daemon.inNamespaces(["xz", "-k", join(context, "dots.tar")]);
  await daemon.inNamespaces(["xz", "-k", join(context, "evil.tar")]);
  write({ Dockerfile: "FROM busybox\nADD evil.tar.xz /\n" });
  await build();
  await refused("FROM busybox\nADD dots.tar.xz /\n", "dots");
  expect(existsSync(outside)).toBe(false);
});
