import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { linkSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
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
  await daemon.cli(["builder", "prune", "-af"]);
  rmSync(context, { recursive: true, force: true });
});
afterAll(() => daemon.stop());

/** Files as old as an edit some time ago leaves them; one written right before a build is sent with the next, too. */
const write = (files: Readonly<Record<string, string>>): void => writeContext(context, files);

const path = (name: string): string => join(context, name);
const settled = (): Promise<void> => Bun.sleep(150);
const builds = (): string => join(daemon.dataRoot, "builds");
const keptDirectories = (): string[] => readdirSync(builds()).filter((name) => name.startsWith("context-"));

async function build(): Promise<void> {
  const { exitCode, stderr } = await daemon.cli(["build", "-q", "-t", "built", context], { timeoutMs: 60_000 });
  expect(exitCode, stderr).toBe(0);
}
const shown = (command: string): Promise<string> => box.output(command, { Image: "built" });

test("a file that has not changed is not sent again", async () => {
  write({ Dockerfile: "FROM busybox\nCOPY . /all\n", same: "as sent first", other: "1" });
  await settled();
  await build();
  const [kept] = keptDirectories();
  writeFileSync(join(builds(), kept!, "same"), "as the engine kept it");
  write({ other: "2" });
  await build();
  expect(await shown("cat /all/same /all/other")).toBe("as the engine kept it2");
  expect(keptDirectories()).toEqual([kept!]);
});

test("files are kept though the cache had all steps, and none was needed", async () => {
  write({ Dockerfile: "FROM busybox\nCOPY . /all\n", same: "1" });
  await settled();
  await build();
  await daemon.restart();
  expect(keptDirectories()).toEqual([]);
  await build();
  expect(keptDirectories()).toHaveLength(1);
});

test("changes of every kind arrive", async () => {
  const dockerfile = "FROM busybox\nCOPY . /all\n";
  write({ Dockerfile: dockerfile, "a/x": "1", "a/y": "1", "b/z": "1", gone: "1", turned: "1", "c/deep/er": "1" });
  linkSync(path("a/x"), path("linked"));
  symlinkSync("a", path("link"));
  await settled();
  await build();
  write({ "a/y": "2", new: "2" });
  rmSync(path("gone"));
  rmSync(path("turned"));
  mkdirSync(path("turned"));
  rmSync(path("c"), { recursive: true });
  symlinkSync("/etc", path("c"));
  rmSync(path("link"));
  renameSync(path("b"), path("link"));
  rmSync(path("linked"));
  await build();
  expect(await shown("cd /all && find . | sort && cat a/x a/y link/z new && readlink c")).toBe(
    ". ./Dockerfile ./a ./a/x ./a/y ./c ./link ./link/z ./new ./turned".replaceAll(" ", "\n").concat("\n1212/etc"),
  );
});

test("an edit that leaves size and time as they were is seen", async () => {
  write({ Dockerfile: "FROM busybox\nCOPY a /a\n", a: "1" });
  const time = new Date("2001-01-01");
  utimesSync(path("a"), time, time);
  await build();
  write({ a: "2" });
  utimesSync(path("a"), time, time);
  await build();
  expect(await shown("cat /a")).toBe("2");
});

test("builds of one directory at the same time do not disturb each other", async () => {
  write({ Dockerfile: "FROM busybox\nCOPY . /all\nRUN cat /all/a\n", a: "1", b: "1" });
  await settled();
  await build();
  write({ a: "2" });
  await Promise.all([build(), build(), build()]);
  expect(await shown("cat /all/a /all/b")).toBe("21");
  expect(keptDirectories()).toHaveLength(1);
});

test("what is kept is told, pruned, and not trusted after a crash", async () => {
  write({ Dockerfile: "FROM busybox\nCOPY big /big\n", big: "x".repeat(3 << 20) });
  await build();
  const usage = await daemon.api.ok("GET", "/system/df");
  const types = usage.BuildCache.map(({ Type, Size }: { Type: string; Size: number }) => [Type, Size > 3 << 20]);
  expect(types).toContainEqual(["source.local", true]);
  await daemon.cli(["builder", "prune", "-f"]);
  expect(keptDirectories()).toEqual([]);
  write({ big: "y" });
  await build();
  await daemon.kill();
  await daemon.restart();
  expect(keptDirectories()).toEqual([]);
  await build();
  expect(await shown("cat /big")).toBe("y");
});

test("a build on files that another build has taken is refused", async () => {
  const stale = await daemon.api.post("/build", { query: { context: "unknown", base: "none" } });
  expect([stale.status, stale.json.message]).toEqual([409, expect.stringContaining("another build has taken")]);
});
