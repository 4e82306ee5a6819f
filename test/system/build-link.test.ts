import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BuildPlace, openBuildPlace } from "../support/build-place.ts";
import { eventually } from "../support/leaks.ts";
import { archiveOf } from "./archive-corpus.ts";

let place: BuildPlace;
beforeAll(async () => {
  place = await openBuildPlace();
}, 60_000);
afterEach(async () => {
  for (const { Id } of await place.daemon.api.ok("GET", "/images/json", { query: { all: true } })) {
    const tags = (await place.daemon.api.ok("GET", `/images/${Id}/json`)).RepoTags ?? [];
    if (!tags.includes("busybox:latest"))
      await place.daemon.api.ok("DELETE", `/images/${Id}`, { query: { force: true } });
  }
  await nothingShared();
  place.clear();
}, 60_000);
afterAll(() => place.close(), 60_000);

const base = (text: string): string => `FROM busybox AS base\nRUN echo ${text} > /base\n`;
const linked = "FROM base\nCOPY --link big /d/big\nCOPY --link --from=made /made /made\n";
const made = "FROM busybox AS made\nRUN date +%N > /made\n";

async function built(text: string, ...flags: string[]) {
  place.write({ Dockerfile: base(text) + made + linked, big: "x".repeat(3 << 20) });
  const log = await place.run("-t", `app:${text}`, ...flags);
  expect(log.exitCode, log.stderr).toBe(0);
  const image = await place.daemon.api.ok("GET", `/images/app:${text}/json`);
  const history = await place.daemon.api.ok("GET", `/images/app:${text}/history`);
  return {
    log: log.stderr,
    cached: log.stderr.match(/^#\d+ CACHED$/gm)?.length ?? 0,
    layers: image.RootFS.Layers.slice(-2),
    created: history.slice(0, 2).map(({ Created }: { Created: number }) => Created),
  };
}

const storedBytes = async (): Promise<number> => (await place.daemon.api.ok("GET", "/system/df")).LayersSize;
const sharedFiles = (): number => readdirSync(join(place.daemon.directory, "data", "shared")).length;

/** Forgets the cache; the root of a container that was just removed may hold layers for a moment more. */
const nothingShared = (...images: string[]) =>
  eventually(
    async () => {
      for (const image of images) await place.daemon.cli(["rmi", image]);
      await place.daemon.cli(["builder", "prune", "-af"]);
      return sharedFiles();
    },
    (files) => expect(files).toBe(0),
    30_000,
  );

test("linked copies on another base are the same layers, neither made nor stored again", async () => {
  const first = await built("one");
  const before = await storedBytes();
  const second = await built("two");
  // All but the base's RUN: two FROMs and what is made are as they were.
  expect([second.layers, second.created, second.log.match(/COPY --link/g)?.length]).toEqual([
    ...[first.layers, first.created],
    2,
  ]);
  const number = /#(\d+) \[[^\]]*\] COPY --link big /.exec(second.log)?.[1];
  expect(second.log).toContain(`#${number} CACHED\n`);
  expect(sharedFiles()).toBe(2);
  expect((await storedBytes()) - before).toBeLessThan(1 << 20);
  const images = await place.daemon.api.ok("GET", "/images/json", { query: { "shared-size": true } });
  const app = images.find(({ RepoTags }: { RepoTags: string[] }) => RepoTags.includes("app:two"));
  expect(app.SharedSize).toBeGreaterThan(3 << 20);
  const shown = await place.daemon.cli(["run", "--rm", "app:two", "sh", "-c", "cat /base; wc -c < /d/big"]);
  expect(shown.stdout).toBe(`two\n${3 << 20}\n`);
}, 60_000);

test("files that images share stay with the last of them, whatever is removed or pruned before", async () => {
  await built("one");
  await built("two");
  await place.daemon.cli(["rmi", "app:one"]);
  await place.daemon.cli(["builder", "prune", "-af"]);
  const shown = await place.daemon.cli(["run", "--rm", "app:two", "sh", "-c", "cat /base; wc -c < /d/big"]);
  expect(shown.stdout).toBe(`two\n${3 << 20}\n`);
  await nothingShared("app:two");
}, 60_000);

test("a linked layer comes from a cache elsewhere, on whatever base", async () => {
  const reference = `${place.registry.host}/cache`;
  const first = await built("one", "--cache-to", `type=registry,ref=${reference},mode=max`);
  await nothingShared("app:one");
  const second = await built("two", "--cache-from", reference);
  expect([second.layers, second.created]).toEqual([first.layers, first.created]);
  const shown = await place.daemon.cli(["run", "--rm", "app:two", "sh", "-c", "cat /base; wc -c < /d/big"]);
  expect(shown.stdout).toBe(`two\n${3 << 20}\n`);
}, 60_000);

test("with SOURCE_DATE_EPOCH linked layers of any base are the same bytes, made once", async () => {
  const flags = ["--build-arg", "SOURCE_DATE_EPOCH=1700000000"];
  const first = await built("one", ...flags);
  const second = await built("two", ...flags);
  expect([second.layers, sharedFiles()]).toEqual([first.layers, 2]);
  const again = await built("three", "--no-cache-filter", "base", ...flags);
  expect(again.layers).toEqual(first.layers);
}, 60_000);

test("names have no numbers in a linked copy but root's, and a named context may be linked too", async () => {
  place.write({ Dockerfile: "FROM busybox\nCOPY --link --chown=ann:extra f /f\n", f: "1" });
  const refused = await place.run();
  expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining("--link there is no /etc/passwd")]);
  expect(refused.stderr).toContain("Dockerfile:2");
  rmSync(join(place.context, "f"));
  place.write({ Dockerfile: "FROM busybox\nCOPY --link --from=other --chown=root:9 / /o/\n", "other/g": "2" });
  const run = await place.run("-t", "app:named", "--build-context", `other=${join(place.context, "other")}`);
  expect(run.exitCode, run.stderr).toBe(0);
  const shown = await place.daemon.cli(["run", "--rm", "app:named", "stat", "-c", "%u:%g %n", "/o", "/o/g"]);
  expect(shown.stdout).toBe("0:9 /o\n0:9 /o/g\n");
}, 60_000);

test("an archive and a document are unpacked and written on nothing", async () => {
  const base = "FROM busybox\nRUN mkdir -p /arch/in && touch /arch/in/kept /doc && ln -s /nowhere /text\n";
  const steps =
    "ADD --link --chown=3:4 a.tar /arch/\nCOPY --link --chmod=640 <<TEXT /text\nhello\nTEXT\nCOPY --link a.tar /doc/\n";
  place.write({ Dockerfile: base + steps });
  writeFileSync(join(place.context, "a.tar"), archiveOf({ name: "in/t", body: "from the archive" }));
  const run = await place.run("-t", "app:archive");
  expect(run.exitCode, run.stderr).toBe(0);
  const look = "cat /arch/in/t; echo; ls /arch/in; stat -c '%a %u:%g %F %n' /arch/in/t /text /doc";
  const shown = await place.daemon.cli(["run", "--rm", "app:archive", "sh", "-c", look]);
  expect(shown.stdout.split("\n")).toEqual([
    ...["from the archive", "kept", "t", "644 3:4 regular file /arch/in/t", "640 0:0 regular file /text"],
    ...["755 0:0 directory /doc", ""],
  ]);
}, 60_000);
