import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { anotherEngine } from "../support/another-engine.ts";
import { Containers } from "../support/containers.ts";
import { writeContext } from "../support/context-files.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

let daemon: TestDaemon;
let box: Containers;
let registry: TestRegistry;
let context: string;
let cache: string;
beforeAll(async () => {
  daemon = await startDaemon();
  box = new Containers(daemon.api);
  registry = await startRegistry({ enter: daemon.enter });
  context = join(daemon.directory, "context");
  cache = join(daemon.directory, "cache");
});
afterEach(async () => {
  await box.clear();
  for (const path of [context, cache]) rmSync(path, { recursive: true, force: true });
});
afterAll(async () => {
  await registry?.close();
  await daemon?.stop();
});

const write = (files: Readonly<Record<string, string>>): void => writeContext(context, files);

const build = async (...flags: string[]): Promise<string> => {
  const { exitCode, stderr } = await daemon.cli(["build", "-t", "built", ...flags, context], { timeoutMs: 60_000 });
  expect(exitCode, stderr).toBe(0);
  return stderr;
};
/** Its config has the times of the base, which each engine makes anew. */
const imageLayers = async (): Promise<string[]> => (await daemon.api.ok("GET", "/images/built/json")).RootFS.Layers;
const cached = (log: string): string[] => [...log.matchAll(/^#(\d+) CACHED$/gm)].map(([, number]) => number!);
const cacheSteps = async (): Promise<string[]> =>
  (await daemon.api.ok("GET", "/system/df")).BuildCache.filter(({ Type }: { Type: string }) => Type === "regular").map(
    ({ Description }: { Description: string }) => Description,
  );

// Steps 2, 3 are the maker's, 5, 6 the result's.
const stages = `FROM busybox AS maker
RUN head -c 9 /dev/urandom | base64 > /when && dd if=/dev/urandom of=/unneeded bs=1k count=64
COPY a /a
FROM busybox
COPY --from=maker /when /a /out/
RUN cat /out/a /out/when > /both
`;

const places: ReadonlyArray<readonly [kind: string, to: () => string, from: () => string]> = [
  [
    "a registry",
    () => `type=registry,ref=${registry.host}/cache:max,mode=max`,
    () => `type=registry,ref=${registry.host}/cache:max`,
  ],
  ["a directory", () => `type=local,dest=${cache},mode=max`, () => `type=local,src=${cache}`],
];
for (const [kind, to, from] of places) {
  test(`another engine takes every step from a cache in ${kind}, and only those layers that it needs`, async () => {
    write({ Dockerfile: stages, a: "1" });
    await build("--cache-to", to());
    const made = await box.output("cat /both", { Image: "built" });
    const layers = await imageLayers();
    await anotherEngine(daemon);
    expect(cached(await build("--cache-from", from()))).toEqual(["2", "3", "5", "6"]);
    expect(await box.output("cat /both", { Image: "built" })).toBe(made);
    expect(await imageLayers()).toEqual(layers);
    expect((await cacheSteps()).sort()).toEqual([
      "COPY --from=maker /when /a /out/",
      "RUN cat /out/a /out/when > /both",
    ]);
  });
}

test("a step that changed runs upon layers of the cache", async () => {
  write({ Dockerfile: stages, a: "1" });
  await build("--cache-to", `type=local,dest=${cache},mode=max`);
  const when = await box.output("cat /out/when", { Image: "built" });
  await anotherEngine(daemon);
  write({ a: "2" });
  expect(cached(await build("--cache-from", `type=local,src=${cache}`))).toEqual(["2"]);
  expect(await box.output("cat /both", { Image: "built" })).toBe(`2${when}`);
});

test("a cache of mode min has the steps of the result alone", async () => {
  write({ Dockerfile: stages, a: "1" });
  await build("--cache-to", `type=local,dest=${cache}`);
  await anotherEngine(daemon);
  const log = await build("--cache-from", `type=local,src=${cache}`);
  expect(cached(log)).toEqual([]);
  write({ Dockerfile: "FROM busybox\nCOPY a /a\nRUN head -c 9 /dev/urandom | base64 > /when\n" });
  await build("--cache-to", `type=local,dest=${cache}`);
  const layers = await imageLayers();
  await anotherEngine(daemon);
  expect(cached(await build("--cache-from", `type=local,src=${cache}`))).toEqual(["2", "3"]);
  expect(await imageLayers()).toEqual(layers);
});

test("an image that was pushed with its cache inside gives its steps", async () => {
  write({ Dockerfile: "FROM busybox\nCOPY a /a\nRUN head -c 9 /dev/urandom | base64 > /when\n", a: "1" });
  const name = `${registry.host}/app:inline`;
  const pushed = await daemon.cli(["build", "-t", name, "--push", "--cache-to", "type=inline", context]);
  expect(pushed.exitCode, pushed.stderr).toBe(0);
  await daemon.cli(["tag", name, "built"]);
  const layers = await imageLayers();
  await anotherEngine(daemon);
  expect(cached(await build("--cache-from", name, "--cache-to", "type=inline"))).toEqual(["2", "3"]);
  expect(await imageLayers()).toEqual(layers);
  await daemon.cli(["pull", `${registry.host}/app:inline`]);
  write({ a: "2" });
  expect(cached(await build("--cache-from", `type=registry,ref=${name}`))).toEqual([]);
});

test("directories keep caches by tag", async () => {
  write({ Dockerfile: "FROM busybox\nRUN head -c 9 /dev/urandom | base64 > /when\n" });
  await build("--cache-to", `type=local,dest=${cache},tag=one`);
  write({ Dockerfile: "FROM busybox\nRUN head -c 9 /dev/urandom | base64 > /then\n" });
  await build("--cache-to", `type=local,dest=${cache},tag=two`);
  await anotherEngine(daemon);
  expect(cached(await build("--cache-from", `type=local,src=${cache},tag=one`))).toEqual([]);
  expect(cached(await build("--no-cache", "--cache-from", `type=local,src=${cache},tag=two`))).toEqual([]);
  await anotherEngine(daemon);
  expect(cached(await build("--cache-from", `type=local,src=${cache},tag=two`))).toEqual(["2"]);
});

interface CacheFiles {
  readonly config: {
    layers: Array<{ blob: string; annotations: { diffID: string; size: number } }>;
    records: Array<{ digest: string; layers: Array<{ layer: number }> }>;
  };
  readonly blob: (digest: string) => string;
  /** Puts another config in the place of the cache's, with digests that fit. */
  replaceConfig(config: object): void;
}

function cacheFiles(): CacheFiles {
  const blob = (digest: string) => join(cache, "blobs/sha256", digest.slice(7));
  const read = (digest: string) => JSON.parse(readFileSync(blob(digest), "utf8"));
  const index = JSON.parse(readFileSync(join(cache, "index.json"), "utf8"));
  const manifest = read(index.manifests[0].digest);
  const store = (value: object) => {
    const bytes = JSON.stringify(value);
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    writeFileSync(blob(digest), bytes);
    return { digest, size: bytes.length };
  };
  return {
    config: read(manifest.config.digest),
    blob,
    replaceConfig(config) {
      const changed = store({ ...manifest, config: { ...manifest.config, ...store(config) } });
      const [first] = index.manifests;
      writeFileSync(join(cache, "index.json"), JSON.stringify({ ...index, manifests: [{ ...first, ...changed }] }));
    },
  };
}

const damages: ReadonlyArray<readonly [what: string, damage: (files: CacheFiles) => void]> = [
  [
    "a layer whose bytes changed",
    ({ config, blob }) => {
      const path = blob(config.layers[0]!.blob);
      const bytes = readFileSync(path);
      bytes[bytes.length - 20]! ^= 1;
      writeFileSync(path, bytes);
    },
  ],
  [
    "a layer that is cut off",
    ({ config, blob }) => {
      const path = blob(config.layers[1]!.blob);
      writeFileSync(path, readFileSync(path).subarray(0, 50));
    },
  ],
  ["a layer that is missing", ({ config, blob }) => rmSync(blob(config.layers[0]!.blob))],
  [
    "a layer that holds something else than it says",
    ({ config, replaceConfig }) => {
      const [first, second] = config.layers;
      const swapped = { ...first!, annotations: { ...first!.annotations, diffID: second!.annotations.diffID } };
      replaceConfig({ ...config, layers: [swapped, second!] });
    },
  ],
  [
    "records of layers that are not there",
    ({ config, replaceConfig }) => {
      replaceConfig({
        ...config,
        records: config.records.map((each) => ({ ...each, layers: [{ ...each.layers[0]!, layer: 7 }] })),
      });
    },
  ],
  ["a config of another form", ({ replaceConfig }) => replaceConfig({ layers: "many", records: {} })],
];
for (const [what, damage] of damages) {
  test(`a cache with ${what} is told of and gives no wrong image`, async () => {
    write({ Dockerfile: "FROM busybox\nRUN echo first > /first\nRUN echo second > /second\n" });
    await build("--cache-to", `type=local,dest=${cache}`);
    damage(cacheFiles());
    await anotherEngine(daemon);
    const log = await build("--cache-from", `type=local,src=${cache}`);
    expect(log).toMatch(/WARNING: the build cache|ERROR: this is no build cache of isle/);
    expect(await box.output("cat /first /second", { Image: "built" })).toBe("first\nsecond");
  });
}

test("caches that are not there cost nothing but the cache", async () => {
  write({ Dockerfile: "FROM busybox\nRUN echo 1 > /1\n" });
  const log = await build("--cache-from", `${registry.host}/no/such`, "--cache-from", `type=local,src=${cache}`);
  expect(log).toMatch(new RegExp(`#(\\d+) importing cache from ${registry.host}/no/such\\n#\\1 ERROR: `));
  expect(log).toContain(`there is no cache in ${cache}`);
});

const faults: ReadonlyArray<readonly [flags: readonly string[], why: string]> = [
  [["--cache-to", "type=floppy"], 'unknown cache exporter: "floppy"'],
  [["--cache-from", "type=floppy"], 'unknown cache importer: "floppy"'],
  [["--cache-to", "type=local"], "local cache exporter requires dest"],
  [["--cache-from", "type=local"], "local cache importer requires src"],
  [["--cache-to", "type=registry"], "registry cache requires ref"],
  [["--cache-to", "type=registry,ref=x,mode=some"], 'invalid cache mode "some"'],
];
for (const [flags, why] of faults) {
  test(`${flags.join(" ")} is refused before anything is built`, async () => {
    write({ Dockerfile: "FROM busybox\nRUN echo was built\n" });
    const { exitCode, stderr } = await daemon.cli(["build", ...flags, context]);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(why)]);
    expect(stderr).not.toContain("was built");
  });
}

test("a cache that cannot be written fails the build, unless that is to be ignored", async () => {
  write({ Dockerfile: "FROM busybox\nRUN echo 1 > /1\n" });
  const to = "type=registry,ref=127.0.0.1:1/none";
  const failed = await daemon.cli(["build", "--cache-to", to, context]);
  expect([failed.exitCode, failed.stderr]).toEqual([1, expect.stringContaining("127.0.0.1:1")]);
  expect(await build("--cache-to", `${to},ignore-error=true`)).toMatch(
    /#(\d+) exporting cache to 127.0.0.1:1\/none\n#\1 ERROR: /,
  );
  expect(existsSync(cache)).toBe(false);
});
