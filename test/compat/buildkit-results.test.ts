import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "../../src/os/find-program.ts";
import { anotherEngine } from "../support/another-engine.ts";
import { Containers } from "../support/containers.ts";
import { writeContext } from "../support/context-files.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { debianBuildx, installBuildx } from "../support/docker-plugins.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

const canBuild = findProgram("docker") !== undefined && existsSync(debianBuildx);
if (!canBuild) console.log("SKIPPED results through BuildKit's protocol: there is no docker client with buildx");
const withBuildx = test.skipIf(!canBuild);

let daemon: TestDaemon;
let box: Containers;
let registry: TestRegistry;
let context: string;
let out: string;
beforeAll(async () => {
  if (!canBuild) return;
  daemon = await startDaemon();
  box = new Containers(daemon.api);
  registry = await startRegistry({ enter: daemon.enter });
  context = join(daemon.directory, "context");
  out = join(daemon.directory, "out");
  installBuildx(daemon, debianBuildx);
});
afterEach(async () => {
  await box?.clear();
  for (const path of context ? [context, out] : []) rmSync(path, { recursive: true, force: true });
});
afterAll(async () => {
  await registry?.close();
  await daemon?.stop();
});

function write(files: Readonly<Record<string, string>>): void {
  mkdirSync(out, { recursive: true });
  writeContext(context, files);
}

async function buildx(...flags: string[]): Promise<string> {
  const args = ["buildx", "build", "--progress", "plain", ...flags, context];
  const { exitCode, stderr } = await daemon.docker(args, { timeoutMs: 60_000 });
  expect(exitCode, stderr).toBe(0);
  return stderr;
}
const cached = (log: string): number => log.match(/^#\d+ CACHED$/gm)?.length ?? 0;

withBuildx("another engine takes its steps from caches in a directory and in a registry", async () => {
  write({
    Dockerfile:
      "FROM busybox AS maker\nRUN head -c 9 /dev/urandom | base64 > /when\nFROM busybox\nCOPY --from=maker /when /when\nRUN cp /when /copy\n",
  });
  const inRegistry = `type=registry,ref=${registry.host}/cache`;
  const log = await buildx(
    ...["-t", "built", "--cache-to", `type=local,dest=${out}/cache,mode=max`, "--cache-to", `${inRegistry},mode=max`],
  );
  expect(cached(log)).toBe(0);
  const when = await box.output("cat /copy", { Image: "built" });
  for (const from of [`type=local,src=${out}/cache`, inRegistry]) {
    await anotherEngine(daemon);
    expect(cached(await buildx("-t", "built", "--cache-from", from))).toBe(3);
    expect(await box.output("cat /copy", { Image: "built" })).toBe(when);
  }
});

withBuildx("an image pushed with its cache inside gives its steps", async () => {
  write({ Dockerfile: "FROM busybox\nRUN head -c 9 /dev/urandom | base64 > /when\n" });
  const name = `${registry.host}/inline`;
  await buildx("-t", name, "--push", "--cache-to", "type=inline");
  const when = await box.output("cat /when", { Image: name });
  await anotherEngine(daemon);
  expect(cached(await buildx("-t", "built", "--cache-from", name))).toBe(1);
  expect(await box.output("cat /when", { Image: "built" })).toBe(when);
});

withBuildx("one build makes an image for each platform", async () => {
  write({
    Dockerfile: "FROM scratch\nARG TARGETPLATFORM\nLABEL target=$TARGETPLATFORM\nCOPY f /f\n",
    f: "of every platform",
  });
  const platforms = ["linux/amd64", "linux/arm64", "linux/arm/v7"];
  const name = `${registry.host}/several`;
  const flags = ["--platform", platforms.join(",")];
  await buildx(...flags, "-t", name, "--push");
  const inspected = await daemon.docker(["buildx", "imagetools", "inspect", name]);
  expect(inspected.exitCode, inspected.stderr).toBe(0);
  const shown = [...inspected.stdout.matchAll(/Platform: +(\S+)/g)].map(([, each]) => each!);
  // What attests to an image, as buildx asks for by itself, has no platform.
  expect(shown).toEqual([...platforms, ...platforms.map(() => "unknown/unknown")]);
  await buildx(...flags, "-o", `type=local,dest=${out}/files`);
  for (const each of platforms) {
    expect(readFileSync(join(out, "files", each.replaceAll("/", "_"), "f"), "utf8")).toBe("of every platform");
  }
  await buildx(...flags, "-t", "several", "-o", `type=oci,dest=${out}/several.tar`);
  await daemon.docker(["load", "-i", `${out}/several.tar`]);
  expect(await daemon.api.ok("GET", "/images/several/json")).toBeDefined();
});

withBuildx("what attests to an image is pushed with it, where buildx finds it", async () => {
  write({
    Dockerfile: "FROM busybox\nARG who\nCOPY installed /lib/apk/db/installed\nRUN echo $who > /f\n",
    installed: "P:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\n",
  });
  const name = `${registry.host}/attested`;
  const imagetools = async (what: string) => {
    const args = ["buildx", "imagetools", "inspect", name, "--format", `{{json .${what}}}`];
    const { exitCode, stdout, stderr } = await daemon.docker(args);
    expect(exitCode, stderr).toBe(0);
    return JSON.parse(stdout);
  };
  await buildx("--sbom=true", "--provenance=mode=max", "--build-arg", "who=me", "-t", name, "--push");
  const { SPDX } = await imagetools("SBOM");
  expect(SPDX.packages.map((each: { name: string }) => each.name)).toContain("musl");
  const { SLSA } = await imagetools("Provenance");
  expect(SLSA.invocation.parameters.args).toEqual({ "build-arg:who": "me" });
  // Without a wish, buildx itself asks for the least of provenance.
  await buildx("-t", name, "--push");
  expect((await imagetools("Provenance")).SLSA.invocation.parameters.args).toEqual({});
  await buildx("--provenance=false", "-t", name, "--push");
  expect((await imagetools("Provenance"))?.SLSA).toBeUndefined();
});

withBuildx("annotations and pushes by digest are those of buildx", async () => {
  write({ Dockerfile: "FROM scratch\nCOPY f /f\n", f: "1" });
  const layout = `${out}/annotated`;
  const flags = ["--provenance=false", "--platform", "linux/amd64,linux/arm64"];
  const annotations = ["a=1", "index:i=2", "manifest-descriptor[linux/arm64]:d=3"];
  const words = annotations.flatMap((each) => ["--annotation", each]);
  await buildx(...flags, ...words, "-o", `type=oci,tar=false,dest=${layout}`);
  const blob = (digest: string) => JSON.parse(readFileSync(join(layout, "blobs", ...digest.split(":")), "utf8"));
  const index = blob(JSON.parse(readFileSync(join(layout, "index.json"), "utf8")).manifests[0].digest);
  expect(index.annotations).toEqual({ i: "2" });
  expect(index.manifests.map(({ annotations: own }: { annotations?: object }) => own)).toEqual([undefined, { d: "3" }]);
  expect(blob(index.manifests[0].digest).annotations).toEqual({ a: "1" });
  const name = `${registry.host}/unnamed`;
  const metadata = `${out}/metadata.json`;
  await buildx("--provenance=false", "-o", `type=image,name=${name},annotation.k=v`, "--metadata-file", metadata);
  expect(JSON.parse(readFileSync(metadata, "utf8"))["containerimage.digest"]).toMatch(/^sha256:/);
  const args = ["buildx", "build", "--annotation", "index:a=1", "--provenance=false", "-o", "type=image", context];
  const refused = await daemon.docker(args, { timeoutMs: 60_000 });
  expect([refused.exitCode, refused.stderr]).toEqual([
    1,
    expect.stringContaining("index annotations not supported for single platform export"),
  ]);
});
