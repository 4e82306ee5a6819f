import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { zstdCompressSync } from "node:zlib";
import type { Digest } from "../../src/base/digest.ts";
import { isCode, messageOf } from "../../src/base/error.ts";
import type { RegistryRepository } from "../../src/core/registry.ts";
import { inspectDistribution } from "../../src/engine/image/inspect-distribution.ts";
import { pullImage } from "../../src/engine/image/pull-image.ts";
import { failureOf, fileTar, recordLines, withImageEngine } from "../support/image-engine.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry.close());

const digestOf = (bytes: Uint8Array): Digest => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const oci = "application/vnd.oci.image";

async function putBlob(repository: RegistryRepository, mediaType: string, bytes: Uint8Array) {
  const digest = digestOf(bytes);
  await repository.pushBlob({ digest, sizeBytes: bytes.length, open: () => Readable.from([bytes]) });
  return { mediaType, digest, size: bytes.length };
}

async function putManifest(repository: RegistryRepository, reference: string | undefined, manifest: object) {
  const bytes = Buffer.from(JSON.stringify(manifest));
  const digest = digestOf(bytes);
  const mediaType = (manifest as { mediaType: string }).mediaType;
  await repository.pushManifest(reference ?? digest, { digest, mediaType, bytes });
  return { mediaType, digest, size: bytes.length };
}

/** An image of one zstd layer for a platform. */
async function putImage(repository: RegistryRepository, architecture: string) {
  const tar = fileTar("name", Buffer.from(architecture));
  const config = { architecture, os: "linux", rootfs: { type: "layers", diff_ids: [digestOf(tar)] } };
  const manifest = await putManifest(repository, undefined, {
    schemaVersion: 2,
    mediaType: `${oci}.manifest.v1+json`,
    config: await putBlob(repository, `${oci}.config.v1+json`, Buffer.from(JSON.stringify(config))),
    layers: [await putBlob(repository, `${oci}.layer.v1.tar+zstd`, zstdCompressSync(tar))],
  });
  return { ...manifest, platform: { os: "linux", architecture } };
}

test("an index gives the image for the platform that was asked for, from zstd layers", () =>
  withImageEngine(async (engine) => {
    const repository = engine.registry.repository(registry.host, "multi");
    const manifests = [await putImage(repository, "amd64"), await putImage(repository, "arm64")];
    const index = await putManifest(repository, "1", {
      schemaVersion: 2,
      mediaType: `${oci}.index.v1+json`,
      manifests,
    });
    const name = `${registry.host}/multi`;
    const progress = recordLines();
    for (const architecture of ["arm64", "amd64"]) {
      await pullImage(engine, {
        name,
        tag: "1",
        platform: { os: "linux", architecture },
        report: progress.report,
      });
      const image = engine.images.get(engine.images.resolveName(`${name}:1`)!)!;
      expect(image.config.architecture).toBe(architecture);
      expect(engine.images.namesOf(image.id)).toContain(`${name}@${index.digest}`);
    }
    expect(progress.statuses().filter((status) => status.startsWith("WARNING"))).toEqual([]);
    const { platforms } = await inspectDistribution(engine, { name: `${name}:1` });
    expect(platforms.map(({ architecture }) => architecture)).toEqual(["amd64", "arm64"]);
    const platform = { os: "linux", architecture: "riscv64" };
    const error = await failureOf(pullImage(engine, { name, tag: "1", platform, report: () => {} }));
    expect(messageOf(error)).toBe("no matching manifest for linux/riscv64 in the manifest list entries");
    expect(isCode(error, "notFound")).toBe(true);
  }));
