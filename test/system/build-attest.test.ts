import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hostPlatform } from "../../src/base/platform.ts";
import { findProgram } from "../../src/os/find-program.ts";
import { type BuildPlace, openBuildPlace } from "../support/build-place.ts";
import type { TestDaemon } from "../support/daemon.ts";
import type { TestRegistry } from "../support/registry.ts";
import { Repository, startSources } from "../support/sources.ts";

if (!findProgram("git")) console.log("SKIPPED provenance of repositories: there is no git");
const withGit = test.skipIf(!findProgram("git"));

const host = hostPlatform().architecture;
let daemon: TestDaemon;
let registry: TestRegistry;
let context: string;
let out: string;
let place: BuildPlace;
beforeAll(async () => {
  place = await openBuildPlace();
  ({ daemon, registry, context, out } = place);
});
afterEach(() => place.clear());
afterAll(() => place?.close());

const write = (files: Readonly<Record<string, string>>) => place.write(files);
const run = (...flags: string[]) => place.run(...flags);
async function build(...flags: string[]): Promise<string> {
  const { exitCode, stderr } = await run(...flags);
  expect(exitCode, stderr).toBe(0);
  return stderr;
}
const shell = (script: string) => place.shell(script);

interface Descriptor {
  readonly digest: string;
  readonly mediaType: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: { readonly architecture: string };
}

interface Statement {
  readonly predicateType: string;
  readonly subject: ReadonlyArray<{ readonly name: string; readonly digest: { readonly sha256: string } }>;
  readonly predicate: Record<string, unknown> & { readonly packages?: SpdxPackage[] };
}

interface Predicate02 {
  readonly buildConfig?: object;
  readonly metadata: { readonly buildStartedOn: string; readonly buildFinishedOn: string };
}

interface SpdxPackage {
  readonly name: string;
  readonly SPDXID: string;
  readonly versionInfo: string;
  readonly externalRefs?: ReadonlyArray<{ readonly referenceLocator: string }>;
}

interface Layout {
  readonly image: Descriptor;
  readonly attestation: Descriptor;
  readonly statements: readonly Statement[];
}

/** Unpacks an OCI layout with one image and what attests to it; every blob is checked against its digest. */
async function layout(file: string): Promise<Layout> {
  const directory = `${file}.d`;
  await shell(`mkdir ${directory} && tar -xf ${file} -C ${directory}`);
  const read = <T>({ digest, size }: Descriptor): T => {
    const bytes = readFileSync(join(directory, "blobs/sha256", digest.slice(7)));
    expect([`sha256:${createHash("sha256").update(bytes).digest("hex")}`, bytes.length]).toEqual([digest, size]);
    return JSON.parse(bytes.toString()) as T;
  };
  const top = JSON.parse(readFileSync(join(directory, "index.json"), "utf8")).manifests[0] as Descriptor;
  expect(top.mediaType).toBe("application/vnd.oci.image.index.v1+json");
  const [image, attestation, ...others] = read<{ manifests: Descriptor[] }>(top).manifests;
  expect(others).toEqual([]);
  const manifest = read<{ config: Descriptor; layers: Descriptor[] }>(attestation!);
  expect(read<{ rootfs: { diff_ids: string[] } }>(manifest.config).rootfs.diff_ids).toEqual(
    manifest.layers.map(({ digest }) => digest),
  );
  const statements = manifest.layers.map((layer) => read<Statement>(layer));
  expect(manifest.layers.map(({ annotations }) => annotations?.["in-toto.io/predicate-type"])).toEqual(
    statements.map(({ predicateType }) => predicateType),
  );
  return { image: image!, attestation: attestation!, statements };
}

test("provenance is a statement about the image's manifest, beside it in the index", async () => {
  write({ Dockerfile: "FROM busybox\nARG secret\nRUN echo $secret > /f\n" });
  const file = join(out, "image.tar");
  await build("--provenance", "--build-arg", "secret=hidden", "-t", "told:v1", "-o", `type=oci,dest=${file}`);
  const { image, attestation, statements } = await layout(file);
  expect(attestation.annotations).toEqual({
    "vnd.docker.reference.digest": image.digest,
    "vnd.docker.reference.type": "attestation-manifest",
  });
  expect(attestation.platform).toEqual({ architecture: "unknown", os: "unknown" } as never);
  const [statement, ...others] = statements;
  expect(others).toEqual([]);
  expect(statement!.subject).toEqual([
    { name: `pkg:docker/told@v1?platform=linux%2F${host}`, digest: { sha256: image.digest.slice(7) } },
  ]);
  expect(statement!.predicateType).toBe("https://slsa.dev/provenance/v0.2");
  const { metadata, buildConfig } = statement!.predicate as unknown as Predicate02;
  expect(statement!.predicate).toMatchObject({
    materials: [
      {
        uri: `pkg:docker/busybox@latest?platform=linux%2F${host}`,
        digest: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      },
    ],
    invocation: { configSource: { entryPoint: "Dockerfile" }, environment: { platform: `linux/${host}` } },
  });
  expect(Date.parse(metadata.buildFinishedOn)).toBeGreaterThanOrEqual(Date.parse(metadata.buildStartedOn));
  expect(buildConfig).toBeUndefined();
  expect(JSON.stringify(statement)).not.toContain("hidden");
});

test("provenance of mode max has arguments, labels and steps, and no secret", async () => {
  write({ Dockerfile: "FROM busybox\nARG who\nRUN --mount=type=secret,id=s echo $who > /f\n" });
  writeFileSync(join(daemon.directory, "secret"), "hush-hush");
  const file = join(out, "image.tar");
  const secret = ["--secret", `id=s,src=${join(daemon.directory, "secret")}`];
  const wishes = [
    "--provenance=mode=max,version=v1,builder-id=https://builder.example/1",
    "--build-arg",
    "who=me",
    "--label",
    "a=b",
  ];
  await build(...wishes, ...secret, "-o", `type=oci,dest=${file}`);
  const [statement] = (await layout(file)).statements;
  expect(statement!.predicateType).toBe("https://slsa.dev/provenance/v1");
  expect(statement!.predicate).toMatchObject({
    buildDefinition: {
      externalParameters: { request: { args: { "build-arg:who": "me", "label:a": "b" } } },
      internalParameters: { buildConfig: { steps: [{ name: "[1/2] FROM busybox" }, {}] } },
      resolvedDependencies: [{}],
    },
    runDetails: { builder: { id: "https://builder.example/1" } },
  });
  expect(JSON.stringify(statement)).not.toContain("hush-hush");
});

withGit("provenance names repositories with their commits, and files by their digests", async () => {
  const sources = await startSources(daemon);
  const [app, lib] = ["app", "lib"].map((name) => new Repository(sources.directory, name)) as [Repository, Repository];
  const added = lib.commit({ f: "of the library" });
  writeFileSync(join(sources.directory, "file"), "over http");
  const url = `${sources.git}/lib.git`;
  const Dockerfile = `FROM scratch\nCOPY --from=named f /\nADD ${url} /lib\nADD ${sources.http}/file /file\n`;
  const built = app.commit({ Dockerfile });
  mkdirSync(out, { recursive: true });
  const more = `${sources.git}/lib.git#main`;
  const flags = [
    "--provenance",
    "--build-context",
    `named=${more}`,
    "-o",
    `type=oci,dest=${out}/image.tar`,
    `${sources.git}/app.git#main`,
  ];
  const { exitCode, stderr } = await daemon.cli(["build", ...flags], { timeoutMs: 60_000 });
  expect(exitCode, stderr).toBe(0);
  const [statement] = (await layout(join(out, "image.tar"))).statements;
  const origin = { uri: `${sources.git}/app.git#main`, digest: { sha1: built } };
  expect(statement!.predicate).toMatchObject({
    invocation: { configSource: { ...origin, entryPoint: "Dockerfile" } },
    materials: [
      origin,
      { uri: url, digest: { sha1: added } },
      { uri: more, digest: { sha1: added } },
      { uri: `${sources.http}/file`, digest: { sha256: createHash("sha256").update("over http").digest("hex") } },
    ],
  });
  await sources.stop();
});

const apk = "P:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\n\nP:zlib\nV:1.3-r1\nA:x86_64\nL:Zlib\n";

test("a bill of materials has the packages of dpkg, apk and npm", async () => {
  write({
    Dockerfile: "FROM scratch\nCOPY root /\n",
    "root/lib/apk/db/installed": apk,
    "root/etc/os-release": 'ID=debian\nVERSION_ID="12"\n',
    "root/app/node_modules/left/package.json": '{"name":"left","version":"1.2.3","license":"MIT"}',
  });
  mkdirSync(join(context, "root/var/lib/dpkg"), { recursive: true });
  copyFileSync("/var/lib/dpkg/status", join(context, "root/var/lib/dpkg/status"));
  copyFileSync(join(import.meta.dirname, "../../package-lock.json"), join(context, "root/app/package-lock.json"));
  const file = join(out, "image.tar");
  await build("--sbom", "-t", "listed", "-o", `type=oci,dest=${file}`);
  const { image, statements } = await layout(file);
  const [{ predicateType, predicate, subject }] = statements as [Statement];
  expect([predicateType, subject[0]!.digest.sha256]).toEqual(["https://spdx.dev/Document", image.digest.slice(7)]);
  expect(predicate).toMatchObject({ spdxVersion: "SPDX-2.3", dataLicense: "CC0-1.0", SPDXID: "SPDXRef-DOCUMENT" });
  const packages = predicate.packages!.slice(1);
  const urls = packages.map(({ externalRefs }) => externalRefs![0]!.referenceLocator);
  const installed = await shell("dpkg-query -W -f='${db:Status-Status} ${Package} ${Version}\\n'");
  const wanted = installed.stdout.split("\n").filter((line) => line.startsWith("installed "));
  const debs = packages.filter((_, index) => urls[index]!.startsWith("pkg:deb/debian/"));
  expect(new Set(debs.map(({ name, versionInfo }) => `installed ${name} ${versionInfo}`))).toEqual(new Set(wanted));
  expect(urls).toContain("pkg:apk/debian/musl@1.2.4-r2?arch=x86_64&distro=debian-12");
  expect(urls).toContain("pkg:npm/left@1.2.3");
  const locked = JSON.parse(readFileSync(join(import.meta.dirname, "../../package-lock.json"), "utf8")).packages;
  const { version } = locked["node_modules/protobufjs"];
  expect(urls).toContain(`pkg:npm/protobufjs@${version}`);
  const ids = packages.map(({ SPDXID }) => SPDXID);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^SPDXRef-[A-Za-z0-9.-]+$/);
});

test("the engine keeps what attests to an image, shows it, and pushes it", async () => {
  write({ Dockerfile: "FROM busybox\nRUN echo 1 > /1\n" });
  const name = `${registry.host}/attested`;
  await build("--attest", "type=sbom", "--attest", "type=provenance,mode=max", "-t", name);
  const [inspected] = JSON.parse((await daemon.cli(["image", "inspect", name])).stdout);
  const [image, attestation] = inspected.Manifests;
  expect([image.Kind, attestation.Kind, attestation.AttestationData.For]).toEqual(["image", "attestation", image.ID]);
  await daemon.restart();
  expect((await daemon.cli(["push", name])).exitCode).toBe(0);
  const accept = "Accept: application/vnd.oci.image.index.v1+json";
  const got = await shell(`curl -sf -H '${accept}' http://${registry.host}/v2/attested/manifests/latest`);
  expect(JSON.parse(got.stdout).manifests.map(({ digest }: Descriptor) => digest)).toEqual([image.ID, attestation.ID]);
  await daemon.cli(["rmi", "-f", inspected.Id]);
  expect((await daemon.cli(["pull", name])).exitCode).toBe(0);
  expect((await daemon.api.ok("GET", `/images/${name}/json`)).Id).toBe(inspected.Id);
});

test("files of a build have what attests to them beside them", async () => {
  write({ Dockerfile: "FROM scratch\nCOPY f /d/f\n", f: "text" });
  await build("--sbom", "--provenance", "-o", join(out, "files"));
  const statement = JSON.parse(readFileSync(join(out, "files/provenance.json"), "utf8")) as Statement;
  expect(statement.subject).toEqual([
    { name: "d/f", digest: { sha256: createHash("sha256").update("text").digest("hex") } },
  ]);
  expect(JSON.parse(readFileSync(join(out, "files/sbom.spdx.json"), "utf8")).predicate.spdxVersion).toBe("SPDX-2.3");
  await build("--provenance", "-o", `type=tar,dest=${out}/files.tar,attestation-prefix=about-`);
  expect((await shell(`tar -tf ${out}/files.tar`)).stdout.split("\n")).toContain("about-provenance.json");
  write({ Dockerfile: "FROM scratch\nCOPY f /provenance.json\n" });
  const taken = await run("--provenance", "-o", join(out, "taken"));
  expect([taken.exitCode, taken.stderr]).toEqual([
    1,
    expect.stringContaining("the result has a file provenance.json of its own"),
  ]);
});

test("with SOURCE_DATE_EPOCH two builds attest with the same bytes", async () => {
  write({ Dockerfile: "FROM busybox\nRUN echo 1 > /1\n" });
  for (const round of ["one", "two"]) {
    const flags = ["--no-cache", "--build-arg", "SOURCE_DATE_EPOCH=1700000000", "--sbom", "--provenance=mode=max"];
    await build(
      ...flags,
      "-t",
      "same",
      "-o",
      `type=oci,dest=${out}/${round}.tar`,
      "-o",
      `type=tar,dest=${out}/${round}.files`,
    );
  }
  for (const kind of ["tar", "files"]) {
    expect((await shell(`cmp ${out}/one.${kind} ${out}/two.${kind} && echo same`)).stdout).toBe("same\n");
  }
});

test("nothing attests to a build that does not ask for it, or asks for nothing", async () => {
  write({ Dockerfile: "FROM busybox\nLABEL a=b\n" });
  await build("--provenance=false", "--sbom=false", "-t", "plain");
  expect((await daemon.api.ok("GET", "/images/plain/json")).Descriptor).toBeUndefined();
});

const faults: ReadonlyArray<readonly [flags: readonly string[], why: string]> = [
  [["--attest", "type=rumour"], 'unknown attestation type "rumour"'],
  [["--attest", "mode=max"], "attestation type not specified"],
  [["--attest", "type=sbom", "--attest", "type=sbom"], "duplicate attestation field sbom"],
  [["--provenance=mode=middle"], 'invalid provenance mode "middle"'],
  [["--sbom=generator=Some/Scanner"], "invalid SBOM generator"],
  [["--sbom=generator=scanner,a-b=1"], "invalid setting"],
  [["--sbom", "-o", "type=docker,dest=x.tar"], "docker exporter does not currently support exporting manifest lists"],
];
for (const [flags, why] of faults) {
  test(`${flags.join(" ")} is refused`, async () => {
    write({ Dockerfile: "FROM busybox\n" });
    const { exitCode, stderr } = await run(...flags);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(why)]);
  });
}
