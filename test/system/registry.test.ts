import { afterAll, beforeAll, expect, test } from "bun:test";
import { isCode, messageOf } from "../../src/base/error.ts";
import { inspectDistribution } from "../../src/engine/image/inspect-distribution.ts";
import { pullImage } from "../../src/engine/image/pull-image.ts";
import { pushImage } from "../../src/engine/image/push-image.ts";
import { removeImage } from "../../src/engine/image/remove-image.ts";
import { addTestImage, failureOf, pushTestImage, recordLines, withImageEngine } from "../support/image-engine.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry.close());

test("an image that was pushed, removed and pulled again is the same image", () =>
  withImageEngine(async (engine) => {
    const name = `${registry.host}/round/trip`;
    const { image, progress } = await pushTestImage(engine, `${registry.host}/round/trip`, [100_000, 3_000_000, 10]);
    expect(progress.statuses()[0]).toBe(`The push refers to repository [${name}]`);
    expect(progress.statuses().filter((status) => status === "Pushed")).toHaveLength(3);
    const { Digest, Size } = progress.aux();
    expect(progress.statuses()).toContain(`latest: digest: ${Digest} size: ${Size}`);
    await removeImage(engine, `${name}:latest`, { force: true, keepParents: false });
    expect(engine.images.list()).toHaveLength(0);
    expect([...engine.content.list()]).toHaveLength(0);

    const pull = recordLines();
    await pullImage(engine, { name, tag: "latest", report: pull.report });
    const found = engine.images.get(image.id)!;
    expect(found.layers.map(({ diffId }) => diffId)).toEqual(image.layers.map(({ diffId }) => diffId));
    expect(engine.images.namesOf(image.id).sort()).toEqual([`${name}:latest`, `${name}@${Digest}`].sort());
    expect(pull.lines[0]).toEqual({ status: "Pulling from round/trip", id: "latest" });
    for (const status of ["Pulling fs layer", "Verifying Checksum", "Download complete", "Pull complete"]) {
      expect(pull.statuses().filter((each) => each === status)).toHaveLength(3);
    }
    expect(pull.statuses().slice(-2)).toEqual([
      `Digest: ${Digest}`,
      `Status: Downloaded newer image for ${name}:latest`,
    ]);

    const again = recordLines();
    await pullImage(engine, { name, tag: "latest", report: again.report });
    expect(again.statuses().filter((status) => status === "Already exists")).toHaveLength(3);
    expect(again.statuses().at(-1)).toBe(`Status: Image is up to date for ${name}:latest`);
    const repush = recordLines();
    await pushImage(engine, { name, tag: "latest", report: repush.report });
    expect(repush.statuses().filter((status) => status === "Layer already exists")).toHaveLength(3);
    expect(repush.aux().Digest).toBe(Digest);
  }));

test("layers that another repository of the registry has are mounted, not sent", () =>
  withImageEngine(async (engine) => {
    const { image } = await pushTestImage(engine, `${registry.host}/origin`, [50_000]);
    const target = `${registry.host}/team/copy`;
    engine.images.addName(`${target}:v1`, image.id);
    const progress = recordLines();
    await pushImage(engine, { name: target, tag: "v1", report: progress.report });
    expect(progress.statuses()).toContain("Mounted from origin");
    await pullImage(engine, { name: target, tag: "v1", report: () => {} });
  }));

test("a digest is pulled without a tag, and all tags of a repository together", () =>
  withImageEngine(async (engine) => {
    const { progress } = await pushTestImage(engine, `${registry.host}/tags`, [1000]);
    const { Digest } = progress.aux();
    const name = `${registry.host}/tags`;
    await addTestImage(engine, `${name}:other`, [2000]);
    await pushImage(engine, { name, tag: "other", report: () => {} });
    for (const { id } of engine.images.list()) engine.images.remove(id);
    await pullImage(engine, { name, tag: Digest, report: () => {} });
    const [image] = engine.images.list();
    expect(engine.images.namesOf(image!.id)).toEqual([`${name}@${Digest}`]);
    await pullImage(engine, { name, report: () => {} });
    expect(engine.images.list()).toHaveLength(2);
    expect(engine.images.resolveName(`${name}:other`)).toBeDefined();
  }));

test("names of docker.io are pulled from a mirror, past one that is dead", () =>
  withImageEngine(async (engine) => {
    const { image } = await pushTestImage(engine, `${registry.host}/library/mirrored`, [1000]);
    await withImageEngine(
      async (other) => {
        await pullImage(other, { name: "mirrored", tag: "latest", report: () => {} });
        expect(other.images.namesOf(image.id)).toContain("docker.io/library/mirrored:latest");
      },
      { mirrors: ["http://127.0.0.1:1", `http://${registry.host}`] },
    );
  }));

test("what the registry does not have is reported as Docker does", () =>
  withImageEngine(async (engine) => {
    await pushTestImage(engine, `${registry.host}/present`, [10]);
    const missing = await failureOf(
      pullImage(engine, { name: `${registry.host}/present`, tag: "nope", report: () => {} }),
    );
    expect(messageOf(missing)).toStartWith(`manifest for ${registry.host}/present:nope not found: manifest unknown`);
    expect(isCode(missing, "notFound")).toBe(true);
    const unpushed = await failureOf(pushImage(engine, { name: `${registry.host}/none`, tag: "x", report: () => {} }));
    expect(messageOf(unpushed)).toBe(`An image does not exist locally with the tag: ${registry.host}/none`);
  }));

test("distribution inspect tells digest, size and platform", () =>
  withImageEngine(async (engine) => {
    const { progress } = await pushTestImage(engine, `${registry.host}/inspected`, [10]);
    const found = await inspectDistribution(engine, { name: `${registry.host}/inspected` });
    expect(found.digest).toBe(progress.aux().Digest as typeof found.digest);
    expect(found.sizeBytes).toBe(progress.aux().Size);
    expect(found.platforms).toEqual([{ os: "linux", architecture: "amd64" }]);
  }));
