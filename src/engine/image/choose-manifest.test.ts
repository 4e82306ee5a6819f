import { expect, test } from "bun:test";
import { bestEntry } from "./choose-manifest.ts";
import type { Descriptor } from "./manifest.ts";

const entry = (letter: string, architecture: string, variant?: string): Descriptor => ({
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  digest: `sha256:${letter.repeat(64)}`,
  size: 10,
  platform: { os: "linux", architecture, ...(variant && { variant }) },
});

test("an entry of exactly this variant wins, then one of any, then another", () => {
  const manifests = [entry("a", "arm", "v6"), entry("b", "arm"), entry("c", "arm", "v7")];
  const arm = { os: "linux", architecture: "arm" };
  expect(bestEntry({ manifests }, { ...arm, variant: "v7" })).toBe(manifests[2]!);
  expect(bestEntry({ manifests: manifests.slice(0, 2) }, { ...arm, variant: "v7" })).toBe(manifests[1]!);
  expect(bestEntry({ manifests }, arm)).toBe(manifests[1]!);
});

test("no fitting entry is reported with the platform", () => {
  const platform = { os: "linux", architecture: "arm64" };
  const none = () => bestEntry({ manifests: [entry("a", "amd64")] }, platform);
  expect(none).toThrow("no matching manifest for linux/arm64 in the manifest list entries");
});

test("a malformed descriptor is refused", () => {
  const manifests = [{ ...entry("a", "amd64"), size: -1 }];
  expect(() => bestEntry({ manifests }, { os: "linux", architecture: "amd64" })).toThrow("malformed descriptor");
});
