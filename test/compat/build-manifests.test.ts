import { afterAll, beforeAll, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { findPeers, startDocker } from "../perf/engines.ts";
import type { Side } from "../perf/side.ts";
import { writeContext } from "../support/context-files.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";

const peers = findPeers();
if (!peers)
  console.log("SKIPPED the comparison of manifests with BuildKit: there is no root with dockerd (ISLE_PEERS)");
const withPeers = test.skipIf(!peers);

let isle: TestDaemon;
let docker: Side;
let shared = "";
beforeAll(async () => {
  if (!peers) return;
  isle = await startDaemon();
  docker = await startDocker(peers, "--feature containerd-snapshotter=true");
  shared = join(peers.directory, "data", `manifests-${process.pid}`);
  mkdirSync(shared);
  writeContext(join(isle.directory, "context"), { Dockerfile: "FROM scratch\nCOPY f /f\n", f: "1" });
  cpSync(join(isle.directory, "context"), join(shared, "context"), { recursive: true });
}, 120_000);
afterAll(async () => {
  docker?.close();
  if (shared) rmSync(shared, { recursive: true, force: true });
  await isle?.stop();
}, 60_000);

interface Described {
  readonly digest: string;
  readonly mediaType: string;
  readonly platform?: object;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly manifests?: readonly Described[];
}

/** What describes an image in a layout: kinds, platforms and annotations, from the layout's index downwards. */
function shapeOf(layout: string): object {
  const read = (path: string): Described => JSON.parse(readFileSync(join(layout, path), "utf8"));
  const shape = ({ digest, mediaType, platform, annotations }: Described): object => {
    const { manifests = [], annotations: own } = read(join("blobs", ...digest.split(":")));
    // isle does not say when it wrote the layout.
    const { "org.opencontainers.image.created": _, ...named } = annotations ?? {};
    return { mediaType, platform, named, own, manifests: manifests.map(shape) };
  };
  return shape(read("index.json").manifests![0]!);
}

const both = ["--platform", "linux/amd64,linux/arm64"];
const annotated: ReadonlyArray<readonly string[]> = [
  ["--annotation", "a=1"],
  ["--annotation", "b=2", "--annotation", "manifest:a=1", "--annotation", "manifest-descriptor:d=x=y"],
  [
    ...both,
    "--annotation",
    "manifest[linux/arm64]:a=1,x",
    "--annotation",
    "all=5",
    "--annotation",
    "manifest,index:both=4",
  ],
  [...both, "--annotation", "index:i=1", "--annotation", "index-descriptor:d=2"],
  [...both, "--annotation", "manifest-descriptor[linux/amd64]:md=3", "--annotation", "index[linux/amd64]:i=1"],
];
for (const flags of annotated) {
  withPeers(`${flags.join(" ")} describes the image as BuildKit does`, async () => {
    const output = (directory: string) => ["--provenance=false", "-o", `type=oci,dest=${directory}/image.tar`];
    const [ours, theirs] = [join(isle.directory, "ours"), join(shared, "theirs")];
    for (const path of [ours, theirs]) mkdirSync(path);
    const made = await isle.cli(["build", ...flags, ...output(ours), join(isle.directory, "context")]);
    expect(made.exitCode, made.stderr).toBe(0);
    const inside = join("/var/lib/docker", `manifests-${process.pid}`);
    docker.run("buildx", "build", "-q", ...flags, ...output(join(inside, "theirs")), join(inside, "context"));
    for (const path of [ours, theirs]) execFileSync("tar", ["-C", path, "-xf", join(path, "image.tar")]);
    expect(shapeOf(ours)).toEqual(shapeOf(theirs));
    for (const path of [ours, theirs]) rmSync(path, { recursive: true });
  });
}

const refused: ReadonlyArray<readonly string[]> = [
  ["--annotation", "index:a=1"],
  ["--annotation", "index-descriptor:a=1"],
  ["--annotation", "a"],
  ["--annotation", "what:a=1"],
  ["--annotation", "org.x:y=1"],
  [...both, "--annotation", "manifest[linux/s390x]:a=1"],
];
for (const flags of refused) {
  withPeers(`${flags.join(" ")} is refused in BuildKit's words`, async () => {
    const output = ["--provenance=false", "-o", "type=image"];
    const ours = await isle.cli(["build", ...flags, ...output, join(isle.directory, "context")]);
    expect(ours.exitCode).not.toBe(0);
    const inside = join("/var/lib/docker", `manifests-${process.pid}`, "context");
    let said = "";
    try {
      docker.run("buildx", "build", "-q", ...flags, ...output, inside);
    } catch (error) {
      said = String(error);
    }
    const theirs = /(?:failed to solve|parse annotations): (.*)/.exec(said)?.[1];
    expect(theirs, said).toBeDefined();
    expect(ours.stderr).toContain(theirs!.trim());
  });
}
