import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { chmodSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "../../src/os/find-program.ts";
import { Containers } from "../support/containers.ts";
import { writeContext } from "../support/context-files.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";

let daemon: TestDaemon;
let box: Containers;
let context: string;
beforeAll(async () => {
  daemon = await startDaemon();
  box = new Containers(daemon.api);
  context = join(daemon.directory, "context");
});
afterEach(async () => {
  await box.clear();
  rmSync(context, { recursive: true, force: true });
});
afterAll(() => daemon.stop());

const write = (files: Readonly<Record<string, string>>): void => writeContext(context, files);

const build = (...flags: string[]) => daemon.cli(["build", "-t", "built", ...flags, context], { timeoutMs: 60_000 });
const imageId = async (): Promise<string> => (await daemon.api.ok("GET", "/images/built/json")).Id;
const cached = (log: string): number => log.match(/^#\d+ CACHED$/gm)?.length ?? 0;

test("steps whose input is the same are taken from the cache, and the image is the same", async () => {
  write({
    Dockerfile: "FROM busybox\nCOPY a /a\nRUN date +%N > /when\nCOPY b /b\nRUN cat /a /b > /both\n",
    a: "1",
    b: "1",
  });
  expect((await build()).exitCode).toBe(0);
  const first = await imageId();
  const again = await build();
  expect([cached(again.stderr), await imageId()]).toEqual([4, first]);
  write({ b: "2" });
  const changed = await build();
  expect(cached(changed.stderr)).toBe(2);
  expect(await imageId()).not.toBe(first);
  expect(cached((await build("--no-cache")).stderr)).toBe(0);
});

test("a file's time makes no difference, its mode does", async () => {
  write({ Dockerfile: "FROM busybox\nCOPY a /a\n", a: "1" });
  await build();
  const long = new Date(0);
  utimesSync(join(context, "a"), long, long);
  expect(cached((await build()).stderr)).toBe(1);
  chmodSync(join(context, "a"), 0o755);
  expect(cached((await build()).stderr)).toBe(0);
});

test("with SOURCE_DATE_EPOCH two builds give the same bytes", async () => {
  write({ Dockerfile: "FROM busybox\nRUN mkdir /d && echo x > /d/f\nCOPY a /a\nWORKDIR /w\n", a: "1" });
  const flags = ["--no-cache", "--build-arg", "SOURCE_DATE_EPOCH=1700000000"];
  expect((await build(...flags)).exitCode).toBe(0);
  const first = await imageId();
  await build(...flags);
  expect(await imageId()).toBe(first);
  expect(await box.output("stat -c %Y /d/f", { Image: "built" })).toBe("1700000000");
});

test("a failing command names itself and its exit code, and leaves no image", async () => {
  write({ Dockerfile: "FROM busybox\nRUN echo before; exit 7\n" });
  await daemon.cli(["rmi", "-f", "built"]);
  const { exitCode, stderr } = await build();
  expect(exitCode).toBe(1);
  expect(stderr).toContain("before");
  expect(stderr).toContain('process "/bin/sh -c echo before; exit 7" did not complete successfully: exit code: 7');
  expect((await daemon.api.get("/images/built/json")).status).toBe(404);
});

const faults: ReadonlyArray<readonly [dockerfile: string, why: string]> = [
  ["FROM busybox\nRUM true\n", "Dockerfile:2\n"],
  ["FROM busybox\nCOPY nothing /x\n", '"/nothing": not found'],
  ["FROM busybox\nCOPY ../../etc/passwd /x\n", '"/etc/passwd": not found'],
  ["FROM busybox\nRUN --mount=type=cache true\n", "missing target in mount"],
  ["FROM busybox\nRUN --mount=type=secret,id=none,required true\n", "secret none: not found"],
  ["FROM busybox\nRUN --security=insecure true\n", "security.insecure is not allowed"],
  ["FROM busybox AS a\nFROM b\n", "b"],
  ["ARG x\nFROM $x\n", "should not be blank"],
];
for (const [dockerfile, why] of faults) {
  test(`${JSON.stringify(dockerfile)} is refused with its reason`, async () => {
    write({ Dockerfile: dockerfile, a: "" });
    const { exitCode, stderr } = await build();
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(why)]);
  });
}

test("a line that names another frontend is not passed over", async () => {
  write({ Dockerfile: "# syntax=mirror.example/docker/dockerfile:1.7\nFROM busybox\n" });
  const mirrored = await build();
  expect(mirrored.exitCode, mirrored.stderr).toBe(0);
  write({ Dockerfile: "# syntax=someone/other:2\nFROM busybox\n" });
  const foreign = await build();
  expect([foreign.exitCode, foreign.stderr]).toEqual([1, expect.stringContaining("the frontend someone/other:2")]);
  expect((await build("--build-arg", "BUILDKIT_SYNTAX=docker/dockerfile")).exitCode).toBe(0);
});

test("links of a context lead nowhere but into it", async () => {
  write({ Dockerfile: "FROM busybox\nCOPY dir/ /dir/\nCOPY up/x /x\n", "dir/x": "x", "top/x": "of the context" });
  symlinkSync("../../../../../../etc", join(context, "dir", "up"));
  symlinkSync("/top", join(context, "up"));
  expect((await build()).exitCode).toBe(0);
  expect(await box.output("readlink /dir/up; cat /x", { Image: "built" })).toBe(
    "../../../../../../etc\nof the context",
  );
  write({ Dockerfile: "FROM busybox\nCOPY out /out\n" });
  symlinkSync("/etc/shadow", join(context, "out"));
  expect((await build()).stderr).toContain('"/out": not found');
});

test("a secret is seen by its step alone: no layer, log, cache or record holds it", async () => {
  const secret = "correct-horse-battery-staple";
  writeFileSync(join(daemon.directory, "secret"), secret);
  write({
    Dockerfile:
      'FROM busybox\nRUN --mount=type=secret,id=s,target=/x/s wc -c < /x/s > /size\nRUN --mount=type=secret,id=s,env=S test -n "$S"\nRUN ls -a /x /run/secrets 2>&1 | grep -c s; true\n',
  });
  const { exitCode, stderr } = await build("--secret", `id=s,src=${join(daemon.directory, "secret")}`);
  expect(exitCode, stderr).toBe(0);
  expect(await box.output("cat /size; ls -d /x 2>/dev/null; echo", { Image: "built" })).toBe(`${secret.length}`);
  const found = await daemon.inNamespaces(["grep", "-rl", "--exclude=secret", secret, daemon.directory]);
  expect(found.stdout).toBe("");
});

test("steps run without a network, with limits, and in a sandbox of the user's choice", async () => {
  write({
    Dockerfile:
      "FROM busybox\nRUN ls /sys/class/net > /nets; cat /sys/fs/cgroup/memory/memory.limit_in_bytes > /limit 2>/dev/null; true\n",
  });
  expect((await build("--network", "none", "--memory", "64m")).exitCode).toBe(0);
  expect(await box.output("cat /nets", { Image: "built" })).toBe("lo");
  const refused = await build("--isolation", "nothing");
  expect(refused.stderr).toContain("invalid isolation: nothing");
});

test("a Dockerfile or an archive comes on standard input", async () => {
  const flags = ["build", "-q", "-t", "built", "-"];
  const alone = await daemon.cli(flags, { input: "FROM busybox\nRUN echo alone > /f\n" });
  expect([alone.exitCode, alone.stdout]).toEqual([0, expect.stringMatching(/^sha256:[0-9a-f]{64}\n$/)]);
  expect(await box.output("cat /f", { Image: "built" })).toBe("alone");
  write({ Dockerfile: "FROM busybox\nCOPY f /f\n", f: "packed" });
  const tar = Buffer.from(
    (await daemon.inNamespaces(["sh", "-c", `tar -C ${context} -czf - . | base64 -w0`])).stdout,
    "base64",
  );
  expect((await daemon.cli(flags, { input: tar })).exitCode).toBe(0);
  expect(await box.output("cat /f", { Image: "built" })).toBe("packed");
});

test("stages run side by side and one that fails ends the others", async () => {
  write({
    Dockerfile:
      "FROM busybox AS slow\nRUN sleep 600\nFROM busybox AS bad\nRUN exit 3\nFROM busybox\nCOPY --from=slow / /a\nCOPY --from=bad / /b\n",
  });
  const { exitCode, stderr } = await build();
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining("exit code: 3")]);
  expect(await stepsLeft()).toEqual([]);
});

/** Steps that still run: they are no containers to clients, but have roots. */
const stepsLeft = async (): Promise<string[]> => {
  const known = (await daemon.api.ok("GET", "/containers/json", { query: { all: true } })) as { Id: string }[];
  return readdirSync(join(daemon.dataRoot, "roots")).filter((id) => !known.some(({ Id }) => Id === id));
};

test("a client that goes away ends its build", async () => {
  write({ Dockerfile: "FROM busybox\nRUN echo running; sleep 600\n" });
  const { stdout } = await daemon.inNamespaces(["sh", "-c", `tar -C ${context} -cf - . | base64 -w0`]);
  const body = Buffer.from(stdout, "base64");
  const answer = await daemon.api.raw("POST", "/build", { body, headers: { "Content-Type": "application/x-tar" } });
  let seen = "";
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    seen += chunk.toString();
    if (seen.includes('"running')) break;
  }
  answer.destroy();
  for (let tries = 0; tries < 300 && (await stepsLeft()).length > 0; tries += 1) await Bun.sleep(100);
  expect(await stepsLeft()).toEqual([]);
});

test("the cache is told by system df, and pruned", async () => {
  write({ Dockerfile: "FROM busybox\nRUN dd if=/dev/zero of=/big bs=1M count=3\n" });
  await build();
  const kept = await daemon.cli(["builder", "prune", "-af", "--keep-storage", "1gb"]);
  expect(kept.stdout).toBe("Total reclaimed space: 0B\n");
  const { BuildCache } = await daemon.api.ok("GET", "/system/df");
  expect(BuildCache.map(({ InUse }: { InUse: boolean }) => InUse)).toContain(true);
  await daemon.api.ok("DELETE", "/images/built", { query: { force: true } });
  const { stdout } = await daemon.cli(["builder", "prune", "-f"]);
  expect(stdout).toMatch(/^Deleted build cache objects:\n/);
  expect(stdout).toMatch(/Total reclaimed space: 3\.\d+MB\n$/);
  await daemon.api.ok("POST", "/build/prune", { query: { all: true } });
  expect((await daemon.api.ok("GET", "/system/df")).BuildCache).toEqual([]);
});

test.skipIf(!findProgram("docker"))("docker's client builds through the classic door", async () => {
  write({
    Dockerfile:
      "FROM busybox AS one\nARG x=1\nRUN echo $x > /x\nFROM busybox\nCOPY --from=one /x /x\nLABEL from=docker\n",
  });
  const flags = ["build", "-t", "classic", "--build-arg", "x=given", context];
  const { exitCode, stdout, stderr } = await daemon.docker(flags, { env: { DOCKER_BUILDKIT: "0" } });
  expect(exitCode, stderr).toBe(0);
  expect(stdout).toContain("Step 2/5 : RUN echo $x > /x");
  expect(stdout).toMatch(/Successfully built [0-9a-f]{12}\nSuccessfully tagged classic:latest/);
  expect(await box.output("cat /x", { Image: "classic" })).toBe("given");
});

const refused: ReadonlyArray<readonly [dockerfile: string, why: string]> = [
  ["FROM busybox\nSTOPSIGNAL foo\n", "invalid signal: foo"],
  ["FROM busybox\nCOPY f[a /x/\n", "syntax error in pattern: f[a"],
  ["FROM busybox\nCOPY --from=1 f /x\n", "invalid stage index 1"],
  ["FROM busybox\nCOPY --from=0 f /x\n", "invalid stage index 0"],
  ["FROM --platform=bogus busybox\n", '"bogus": unknown operating system or architecture'],
];
for (const [dockerfile, why] of refused) {
  test(`${JSON.stringify(dockerfile)} is refused: ${why}`, async () => {
    write({ Dockerfile: dockerfile, f: "1" });
    const { exitCode, stderr } = await daemon.cli(["build", "-q", context]);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(why)]);
  });
}

test("files for a user that the image does not know belong to root, and the build says so", async () => {
  write({ Dockerfile: "FROM busybox\nCOPY --chown=nobody-here f /f\n", f: "1" });
  const { exitCode, stderr } = await build();
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toContain("WARNING: --chown=nobody-here: unable to find user nobody-here");
});
