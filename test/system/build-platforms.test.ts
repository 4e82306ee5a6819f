import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hostPlatform } from "../../src/base/platform.ts";
import { type BuildPlace, openBuildPlace } from "../support/build-place.ts";
import { busyboxRoot } from "../support/busybox-root.ts";
import { Containers } from "../support/containers.ts";
import type { TestDaemon } from "../support/daemon.ts";
import { eventually } from "../support/leaks.ts";
import type { TestRegistry } from "../support/registry.ts";
import { archiveOf } from "./archive-corpus.ts";

const host = hostPlatform().architecture;
const other = host === "arm64" ? "s390x" : "arm64";
const both = ["--platform", `linux/${host},linux/${other}`];

let daemon: TestDaemon;
let box: Containers;
let registry: TestRegistry;
let context: string;
let out: string;
let place: BuildPlace;
beforeAll(async () => {
  place = await openBuildPlace();
  ({ daemon, registry, context, out } = place);
  box = new Containers(daemon.api);
});
afterEach(async () => {
  await box.clear();
  place.clear();
});
afterAll(() => place?.close());

const write = (files: Readonly<Record<string, string>>) => place.write(files);
const run = (...flags: string[]) => place.run(...flags);
async function build(...flags: string[]): Promise<string> {
  const { exitCode, stderr } = await run(...flags);
  expect(exitCode, stderr).toBe(0);
  return stderr;
}
const shell = (script: string) => place.shell(script);
const text = (path: string) => readFileSync(join(out, path), "utf8");

interface Descriptor {
  readonly digest: string;
  readonly mediaType: string;
  readonly platform: { readonly architecture: string };
}

/** What the tests read of images' configs. */
interface Config {
  readonly architecture: string;
  readonly config: { readonly Labels: Readonly<Record<string, string>> };
}

interface ManifestSummary {
  readonly Kind: string;
  readonly Available: boolean;
  readonly ImageData: { readonly Platform: { readonly architecture: string } };
}

/** A document of the registry. */
async function inRegistry<T = { config: Descriptor }>(path: string): Promise<T> {
  const types = ["index", "manifest"].map((kind) => `application/vnd.oci.image.${kind}.v1+json`).join(",");
  const url = `http://${registry.host}/v2/${path}`;
  return JSON.parse((await daemon.inNamespaces(["curl", "-sfL", "-H", `Accept: ${types}`, url])).stdout);
}

async function configsInRegistry(name: string, tag: string): Promise<Record<string, Config>> {
  const index = await inRegistry<{ mediaType: string; manifests: Descriptor[] }>(`${name}/manifests/${tag}`);
  expect(index.mediaType).toBe("application/vnd.oci.image.index.v1+json");
  const configs: Record<string, Config> = {};
  for (const { digest, platform } of index.manifests) {
    const { config } = await inRegistry(`${name}/manifests/${digest}`);
    configs[platform.architecture] = await inRegistry<Config>(`${name}/blobs/${config.digest}`);
  }
  return configs;
}

const labelled = `FROM --platform=$BUILDPLATFORM busybox AS maker
ARG TARGETARCH
RUN echo made for $TARGETARCH > /made
FROM scratch
ARG TARGETPLATFORM
ARG BUILDPLATFORM
LABEL target=$TARGETPLATFORM build=$BUILDPLATFORM
COPY --from=maker /made /made
`;

test("one build makes an image for each platform, and an index of them", async () => {
  write({ Dockerfile: labelled });
  const name = `${registry.host}/two:v1`;
  const log = await build(...both, "-t", name, "--push");
  expect(log).toContain(`[linux/${host}->${other} maker 2/2] RUN echo made for $TARGETARCH > /made`);
  const configs = await configsInRegistry("two", "v1");
  expect(Object.keys(configs)).toEqual([host, other]);
  for (const [architecture, config] of Object.entries(configs)) {
    expect(config.architecture).toBe(architecture);
    expect(config.config.Labels).toEqual({ target: `linux/${architecture}`, build: `linux/${host}` });
  }
});

test("a stage that is the same for every platform runs once, without the cache, too", async () => {
  write({
    Dockerfile:
      "FROM --platform=$BUILDPLATFORM busybox AS maker\nRUN head -c 9 /dev/urandom | base64 > /made\nFROM scratch\nCOPY --from=maker /made /made\n",
  });
  const log = await build("--no-cache", ...both, "-o", join(out, "once"));
  expect(
    log
      .split("\n")
      .filter((line) => line.includes("RUN head"))
      .map((line) => line.replace(/^#\d+ /, "")),
  ).toEqual([`[linux/${host} maker 2/2] RUN head -c 9 /dev/urandom | base64 > /made`]);
  const first = text(`once/linux_${host}/made`);
  expect(text(`once/linux_${other}/made`)).toBe(first);
  await build("--no-cache", ...both, "-o", join(out, "once"));
  expect(text(`once/linux_${host}/made`)).not.toBe(first);
});

/** Made on this machine for whatever platform. */
const crossed = (command: string): string =>
  `FROM --platform=$BUILDPLATFORM busybox AS maker\nARG TARGETARCH\n${command}\nFROM scratch\nCOPY --from=maker /made /made\n`;

test("platforms are built side by side", async () => {
  const wait = `for i in $(seq 600); do [ -e /c/${host} ] && [ -e /c/${other} ] && exit 0; sleep 0.1; done; exit 1`;
  write({
    Dockerfile: crossed(
      `RUN --mount=type=cache,target=/c,id=meet echo $TARGETARCH > /made; touch /c/$TARGETARCH; ${wait}`,
    ),
  });
  await build("--no-cache", ...both, "-o", join(out, "beside"));
  for (const each of [host, other]) expect(text(`beside/linux_${each}/made`)).toBe(`${each}\n`);
}, 90_000);

test("a platform that fails ends the others", async () => {
  write({
    Dockerfile: crossed(
      `RUN --mount=type=cache,target=/c,id=fail if [ $TARGETARCH = ${other} ]; then until [ -e /c/runs ]; do sleep 0.1; done; exit 7; fi; touch /c/runs; sleep 3600`,
    ),
  });
  const { exitCode, stderr } = await run("--no-cache", ...both, "-o", join(out, "never"));
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining("exit code: 7")]);
  expect(existsSync(join(out, "never"))).toBe(false);
}, 90_000);

test("a client that goes away ends the steps of all platforms", async () => {
  const body = archiveOf({ name: "Dockerfile", body: crossed("RUN echo runs for $TARGETARCH; sleep 3600") });
  const query = { platform: `linux/${host},linux/${other}`, nocache: true };
  const headers = { "Content-Type": "application/x-tar" };
  const answer = await daemon.api.raw("POST", "/build", { body, query, headers });
  let seen = "";
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    seen += chunk.toString();
    if ([host, other].every((each) => seen.includes(`"runs for ${each}`))) break;
  }
  const roots = () => readdirSync(join(daemon.dataRoot, "roots"));
  expect(roots().length).toBeGreaterThanOrEqual(2);
  answer.destroy();
  await eventually(
    async () => roots(),
    (left) => expect(left).toEqual([]),
    60_000,
  );
}, 90_000);

test("a step that stages or platforms have in common runs once, though they run at the same time", async () => {
  const step = "RUN sleep 0.5; head -c 9 /dev/urandom | base64 > /made";
  const stages = ["a", "b"].map((name) => `FROM --platform=$BUILDPLATFORM busybox AS ${name}\n${step}\n`);
  const last = "FROM scratch\nARG TARGETARCH\nCOPY --from=a /made /a\nCOPY --from=b /made /b\nCOPY --from=c /made /c\n";
  const third = `FROM --platform=$BUILDPLATFORM busybox AS c\n${step}\nARG TARGETARCH\nRUN echo $TARGETARCH >> /made\n`;
  write({ Dockerfile: stages.join("") + third + last });
  await build("--no-cache", ...both, "-o", join(out, "common"));
  const made = text(`common/linux_${host}/a`);
  for (const each of [host, other]) {
    const files = ["a", "b", "c"].map((name) => text(`common/linux_${each}/${name}`));
    expect(files).toEqual([made, made, `${made}${each}\n`]);
  }
}, 60_000);

test("a base whose ONBUILD asks for the platform is not shared", async () => {
  write({ Dockerfile: "FROM busybox\nONBUILD ARG TARGETARCH\nONBUILD RUN echo $TARGETARCH > /made\n" });
  await build("-t", "asking");
  write({
    Dockerfile: "FROM --platform=$BUILDPLATFORM asking AS maker\nFROM scratch\nCOPY --from=maker /made /made\n",
  });
  await build(...both, "-o", join(out, "asked"));
  for (const each of [host, other]) expect(text(`asked/linux_${each}/made`)).toBe(`${each}\n`);
});

test("what a stage in common came from is told of each platform's image", async () => {
  write({
    Dockerfile: "FROM --platform=$BUILDPLATFORM busybox AS maker\nFROM scratch\nCOPY --from=maker /etc/passwd /p\n",
  });
  await build(...both, "--provenance=true", "-o", join(out, "told"));
  for (const each of [host, other]) {
    const { predicate } = JSON.parse(text(`told/linux_${each}/provenance.json`));
    expect(predicate.materials.map(({ uri }: { uri: string }) => uri)).toEqual([expect.stringContaining("busybox")]);
  }
});

test("the files of each platform go into a directory of their own, or together", async () => {
  write({ Dockerfile: labelled });
  await build(...both, "-o", join(out, "split"), "-o", `type=tar,dest=${out}/split.tar`);
  expect(readdirSync(join(out, "split")).sort()).toEqual([`linux_${host}`, `linux_${other}`].sort());
  for (const each of [host, other]) expect(text(`split/linux_${each}/made`)).toBe(`made for ${each}\n`);
  expect((await shell(`tar -tf ${out}/split.tar`)).stdout).toContain(`linux_${other}/made\n`);
  await build(...both, "-o", `type=local,dest=${join(out, "one")},platform-split=false`);
  expect(text("one/made")).toBe(`made for ${other}\n`);
});

test("the engine keeps the index with the name: list, inspect, tag, save, push and remove", async () => {
  write({ Dockerfile: "FROM scratch\nCOPY f /f\n", f: "only here" });
  await build(...both, "-t", "several");
  const listed = await daemon.cli(["images", "--format", "{{.Repository}}"]);
  expect(listed.stdout.split("\n").filter((line) => line === "several")).toHaveLength(1);
  const [inspected] = JSON.parse((await daemon.cli(["image", "inspect", "several"])).stdout);
  expect(inspected.Architecture).toBe(host);
  expect(
    inspected.Manifests.map((each: ManifestSummary) => [
      each.Kind,
      each.Available,
      each.ImageData.Platform.architecture,
    ]),
  ).toEqual([
    ["image", true, host],
    ["image", true, other],
  ]);
  await daemon.restart();
  const name = `${registry.host}/several:tagged`;
  await daemon.cli(["tag", "several", name]);
  const pushed = await daemon.cli(["push", name]);
  expect(pushed.exitCode, pushed.stderr).toBe(0);
  expect(Object.keys(await configsInRegistry("several", "tagged"))).toEqual([host, other]);
  expect((await daemon.api.ok("GET", `/images/${name}/json`)).RepoDigests).toContain(
    `${registry.host}/several@${inspected.Descriptor.digest}`,
  );
  await shell(`mkdir ${out}/saved`);
  await daemon.cli(["save", "-o", `${out}/saved.tar`, "several"]);
  await shell(`tar -xf ${out}/saved.tar -C ${out}/saved`);
  const [top] = JSON.parse(text("saved/index.json")).manifests;
  expect(top.digest).toBe(inspected.Descriptor.digest);
  for (const { digest } of JSON.parse(text(`saved/blobs/sha256/${top.digest.slice(7)}`)).manifests) {
    const { config, layers } = JSON.parse(text(`saved/blobs/sha256/${digest.slice(7)}`));
    for (const blob of [config, ...layers])
      expect(existsSync(join(out, "saved/blobs/sha256", blob.digest.slice(7)))).toBe(true);
  }
  await daemon.cli(["rmi", name, "several"]);
  await daemon.cli(["builder", "prune", "-af"]);
  const blobs = (await shell(`find ${daemon.dataRoot}/content -type f`)).stdout;
  expect(blobs).not.toContain(inspected.Descriptor.digest.slice(7));
  const loaded = await daemon.cli(["load", "-i", `${out}/saved.tar`]);
  expect(loaded.stdout, loaded.stderr).toContain("several:latest");
  const again = JSON.parse((await daemon.cli(["image", "inspect", "several"])).stdout)[0];
  expect([again.Id, again.Descriptor, again.Manifests]).toEqual([
    inspected.Id,
    inspected.Descriptor,
    inspected.Manifests,
  ]);
});

test("a container is made from the image of the platform that is asked for", async () => {
  const busybox = readFileSync("/bin/busybox");
  write({ Dockerfile: "FROM scratch\nARG TARGETARCH\nENV made=$TARGETARCH\nCOPY busybox /bin/sh\n" });
  writeFileSync(join(context, "busybox"), busybox, { mode: 0o755 });
  await build(...both, "-t", "either");
  for (const each of [host, other]) {
    const flags = ["run", "--rm", "--platform", `linux/${each}`, "either", "sh", "-c", "echo $made"];
    expect((await daemon.cli(flags)).stdout).toBe(`${each}\n`);
  }
  const listed = await daemon.cli(["images", "--format", "{{.Repository}}"]);
  expect(listed.stdout).not.toContain("<none>");
  expect(
    (await daemon.cli(["run", "--rm", "--pull", "never", "--platform", "linux/riscv64", "either"])).stderr,
  ).toContain("does not match the specified platform");
  await daemon.cli(["rmi", "either"]);
  await daemon.cli(["image", "prune", "-f"]);
});

test("a build for one platform takes the place of an index of the same name", async () => {
  write({ Dockerfile: "FROM scratch\nCOPY f /f\n", f: "1" });
  await build(...both, "-t", "again");
  expect((await daemon.api.ok("GET", "/images/again/json")).Descriptor).toBeDefined();
  await build("-t", "again");
  expect((await daemon.api.ok("GET", "/images/again/json")).Descriptor).toBeUndefined();
});

test("an image for several platforms is a base for each, from the engine or from a registry", async () => {
  write({ Dockerfile: "FROM scratch\nARG TARGETARCH\nLABEL base=$TARGETARCH\nCOPY f /base\n", f: "base" });
  const base = `${registry.host}/base`;
  await build(...both, "-t", base, "--push");
  for (const origin of ["engine", "registry"]) {
    if (origin === "registry") await daemon.cli(["rmi", base]);
    write({ Dockerfile: `FROM ${base}\nCOPY f /own\n`, f: "own" });
    await build(...both, "-t", `${registry.host}/upon:${origin}`, "--push");
    const configs = await configsInRegistry("upon", origin);
    expect([host, other].map((each) => configs[each]!.config.Labels["base"])).toEqual([host, other]);
    expect((await daemon.api.ok("GET", `/images/${base}/json`)).Architecture).toBe(host);
    expect((await daemon.api.ok("GET", "/images/json", { query: { filters: '{"dangling":["true"]}' } })).length).toBe(
      0,
    );
  }
});

test("an OCI layout holds all platforms, and is the same bytes when built again", async () => {
  write({ Dockerfile: "FROM scratch\nCOPY f /f\n", f: "1" });
  for (const round of ["one", "two"]) {
    const flags = ["--no-cache", "--build-arg", "SOURCE_DATE_EPOCH=1700000000", "-t", "layout"];
    await build(...flags, ...both, "-o", `type=oci,dest=${out}/${round}.tar`);
  }
  expect((await shell(`cmp ${out}/one.tar ${out}/two.tar && echo same`)).stdout).toBe("same\n");
  await shell(`mkdir ${out}/layout && tar -xf ${out}/one.tar -C ${out}/layout`);
  const [{ digest }] = JSON.parse(text("layout/index.json")).manifests;
  const { manifests } = JSON.parse(text(`layout/blobs/sha256/${digest.slice(7)}`));
  expect(manifests.map((each: Descriptor) => each.platform.architecture)).toEqual([host, other]);
  const refused = await run(...both, "-o", `type=docker,dest=${out}/docker.tar`);
  expect(refused.stderr).toContain("docker exporter does not currently support exporting manifest lists");
});

test("steps that this machine cannot run are refused by name, with the cause and the way out", async () => {
  write({ Dockerfile: "FROM busybox AS a\nRUN echo was run\nFROM scratch\nCOPY --from=a /bin/sh /sh\n" });
  const { exitCode, stderr } = await run("--platform", `linux/${host},linux/s390x,windows/amd64`);
  expect(exitCode).toBe(1);
  if (host !== "s390x")
    expect(stderr).toContain("cannot run steps for linux/s390x: no emulator for s390x is registered");
  expect(stderr).toContain("cannot run steps for windows/amd64: windows/amd64 is another system");
  expect(stderr).not.toContain("was run");
  expect((await run("--platform", "linux/a/b/c")).stderr).toContain("is an invalid platform");
});

// Whatever the machine has, the daemon sees the list that the test makes.
const emulators = "/proc/sys/fs/binfmt_misc";
if (!existsSync(emulators)) console.log("SKIPPED steps with an emulator: the kernel has no binfmt_misc");

test.skipIf(!existsSync(emulators))("steps for a platform with an emulator run", async () => {
  // The kernel's list as the daemon sees it says that there is one; what the step runs is this machine's own program.
  const machine = other === "arm64" ? "0200b700" : "00020016";
  const head = other === "arm64" ? "7f454c46020101" : "7f454c46020201";
  const magic = `${head}000000000000000000${machine}`;
  mkdirSync(join(out, "binfmt"), { recursive: true });
  writeFileSync(join(out, "binfmt/qemu"), `enabled\ninterpreter /qemu\nflags: F\noffset 0\nmagic ${magic}\n`);
  await shell(`mount --bind ${out}/binfmt ${emulators}`);
  const query = { fromSrc: "-", repo: "foreign", tag: "latest", platform: `linux/${other}` };
  await daemon.api.ok("POST", "/images/create", { query, body: await busyboxRoot() });
  write({ Dockerfile: "FROM foreign\nARG TARGETARCH\nRUN echo $TARGETARCH > /f\n" });
  await build("--platform", `linux/${other}`, "-o", join(out, "run"));
  expect(text("run/f")).toBe(`${other}\n`);
  const boxed = await run("--platform", `linux/${other}`, "--isolation", "microvm");
  expect(boxed.stderr).toContain(
    `cannot run steps for linux/${other}: this machine's emulators do not reach into a microvm`,
  );
  await shell(`umount ${emulators}`);
});
