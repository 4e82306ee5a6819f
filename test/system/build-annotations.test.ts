import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type BuildPlace, openBuildPlace } from "../support/build-place.ts";

let place: BuildPlace;
beforeAll(async () => {
  place = await openBuildPlace();
}, 60_000);
afterEach(() => place.clear());
afterAll(() => place?.close(), 60_000);

const json = (path: string) => JSON.parse(readFileSync(path, "utf8"));
const facts = () => json(join(place.out, "facts"));

async function built(...flags: string[]): Promise<void> {
  const { exitCode, stderr } = await place.run("--metadata-file", join(place.out, "facts"), ...flags);
  expect(exitCode, stderr).toBe(0);
}

/** The documents of an OCI layout: what its index names first, and below it. */
function documentsOf(layout: string) {
  const blob = (digest: string) => json(join(layout, "blobs", ...digest.split(":")));
  const top = json(join(layout, "index.json")).manifests[0];
  return { top, document: blob(top.digest), blob };
}

const accepted = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];
const inRegistry = async (path: string) => {
  const { stdout } = await place.shell(
    `curl -sf -H 'Accept: ${accepted.join(", ")}' http://${place.registry.host}/v2/${path}`,
  );
  return stdout === "" ? undefined : JSON.parse(stdout);
};

test("an annotation stands in the manifest of an image in a layout, a registry and the store", async () => {
  place.write({ Dockerfile: "FROM scratch\nCOPY f /f\n", f: "1" });
  const name = `${place.registry.host}/one`;
  const flags = ["--annotation", "b=2", "--annotation", "manifest:a=1", "--annotation", "manifest-descriptor:d=3"];
  await built(...flags, "-t", name, "-o", `type=oci,dest=${place.out}/layout,tar=false`);
  const { top, document } = documentsOf(join(place.out, "layout"));
  expect(Object.entries(document.annotations)).toEqual([
    ["a", "1"],
    ["b", "2"],
  ]);
  expect(top.annotations).toMatchObject({ d: "3", "io.containerd.image.name": `${name}:latest` });
  await built(...flags, "-t", name, "--push");
  const pushed = await inRegistry("one/manifests/latest");
  expect([pushed.mediaType, pushed.annotations]).toEqual([accepted[2], { a: "1", b: "2" }]);
  // Another push sends the same, and a build without annotations takes them away.
  const digest = facts()["containerimage.digest"];
  expect((await place.daemon.cli(["push", name])).stdout).toContain(digest);
  await built("-t", name, "--push");
  expect((await inRegistry("one/manifests/latest")).annotations).toBeUndefined();
  expect(facts()["containerimage.digest"]).not.toBe(digest);
});

test("of several platforms, each has its own annotations, and the index has others", async () => {
  place.write({ Dockerfile: "FROM scratch\nCOPY f /f\n", f: "1" });
  const name = `${place.registry.host}/several`;
  const annotations = [
    ...["manifest[linux/arm64]:a=1,x", "index:i=1", "index-descriptor:id=2", "manifest-descriptor[linux/amd64]:md=3"],
    ...["manifest,index:both=4", "all=5"],
  ].flatMap((each) => ["--annotation", each]);
  const outputs = ["-o", "type=image,push=true", "-o", `type=oci,dest=${place.out}/layout,tar=false`];
  await built("--platform", "linux/amd64,linux/arm64", ...annotations, "-t", name, ...outputs);
  const { top, document, blob } = documentsOf(join(place.out, "layout"));
  expect([top.annotations.id, document.annotations]).toEqual(["2", { both: "4", i: "1" }]);
  const [amd64, arm64] = document.manifests;
  expect([amd64.annotations, arm64.annotations]).toEqual([{ md: "3" }, undefined]);
  expect(blob(amd64.digest).annotations).toEqual({ all: "5", both: "4" });
  expect(blob(arm64.digest).annotations).toEqual({ a: "1,x", all: "5", both: "4" });
  expect(await inRegistry("several/manifests/latest")).toEqual(document);
});

test("an image is pushed by its digest alone, and known by it", async () => {
  place.write({ Dockerfile: "FROM scratch\nCOPY f /f\n", f: "by digest" });
  const name = `${place.registry.host}/digest`;
  await built("-o", `type=image,name=${name},push=true,push-by-digest=true`);
  const digest = facts()["containerimage.digest"];
  expect(await inRegistry(`digest/manifests/${digest}`)).toMatchObject({ schemaVersion: 2 });
  expect(await inRegistry("digest/manifests/latest")).toBeUndefined();
  const platforms = ["--platform", "linux/amd64,linux/arm64"];
  await built(...platforms, "-o", `type=image,name=${name},push=true,push-by-digest=true`);
  expect((await inRegistry(`digest/manifests/${facts()["containerimage.digest"]}`)).manifests).toHaveLength(2);
  expect((await inRegistry("digest/tags/list"))?.tags ?? null).toBeNull();
  await built("-o", "type=image,name=canon:1,name-canonical=true,dangling-name-prefix=other");
  const { RepoDigests } = await place.daemon.api.ok("GET", "/images/canon:1/json");
  const canonical = facts()["containerimage.digest"];
  expect(RepoDigests).toEqual(expect.arrayContaining([`canon@${canonical}`, `other@${canonical}`]));
});

const refused: ReadonlyArray<readonly [flags: readonly string[], message: string]> = [
  [["--annotation", "index:a=1"], "index annotations not supported for single platform export"],
  [["--annotation", "[linux/s390x]:a=1"], 'invalid annotation type "[linux/s390x]"'],
  [["--annotation", "manifest[linux/s390x]:a=1"], "no platform linux/s390x found in source"],
  [["--annotation", "a=1", "-o", "type=tar,dest=/dev/null"], "annotations are of images"],
  [["-o", "type=image,store=false"], "store=false"],
  [["-o", "type=image,speed=high"], "unknown attribute speed of the output image"],
];
for (const [flags, message] of refused) {
  test(`${flags.join(" ")} is refused`, async () => {
    place.write({ Dockerfile: "FROM scratch\nCOPY f /f\n", f: "1" });
    const { exitCode, stderr } = await place.run(...flags);
    expect([exitCode === 0, stderr]).toEqual([false, expect.stringContaining(message)]);
  });
}
