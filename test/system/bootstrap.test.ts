import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { isCode } from "../../src/base/error.ts";
import { bootstrapImage } from "../../src/engine/image/bootstrap-image.ts";
import { failureOf, recordLines, withImageEngine } from "../support/image-engine.ts";

test("busybox is the same image for the same date, runs, and has the usual places", () =>
  withImageEngine(async (engine) => {
    const { report } = recordLines();
    const first = await bootstrapImage(engine, { name: "busybox", date: "2026-03-01", report });
    const second = await bootstrapImage(engine, { name: "busybox", date: "2026-03-01", report });
    const other = await bootstrapImage(engine, { name: "busybox", date: "2026-03-02", report });
    expect(second.id).toBe(first.id);
    expect(other.id).not.toBe(first.id);
    expect(engine.images.resolveName("docker.io/library/busybox:latest")).toBe(other.id);
    engine.snapshots.prepare("probe", [first.layers[0]!.chainId]);
    const root = engine.snapshots.mount("probe");
    try {
      expect(statSync(`${root}/tmp`).mode & 0o7777).toBe(0o1777);
      expect(readFileSync(`${root}/etc/passwd`, "utf8")).toStartWith("root:x:0:0:");
      const said = execFileSync("chroot", [root, "sh", "-c", "echo $(ls / | wc -l) $(id -u)"], { encoding: "utf8" });
      expect(said).toMatch(/^1\d 0\n$/);
    } finally {
      await engine.snapshots.removeRoot("probe");
    }
  }));

test(
  "debian is the same image for the same date, with a working apt",
  () =>
    withImageEngine(async (engine) => {
      const progress = recordLines();
      const request = { name: "debian:bookworm", date: "2026-03-01", report: progress.report };
      const first = await bootstrapImage(engine, request);
      const second = await bootstrapImage(engine, request);
      expect(second.id).toBe(first.id);
      expect(progress.statuses().length).toBeGreaterThan(5);
      expect(first.config.config?.Cmd).toEqual(["bash"]);
      expect(engine.images.resolveName("docker.io/library/debian:bookworm")).toBe(first.id);
      engine.snapshots.prepare("probe", [first.layers[0]!.chainId]);
      const root = engine.snapshots.mount("probe");
      try {
        const said = execFileSync("chroot", [root, "apt-get", "--version"], { encoding: "utf8" });
        expect(said).toStartWith("apt 2.6");
      } finally {
        await engine.snapshots.removeRoot("probe");
      }
    }),
  300_000,
);

test("an unknown system and a malformed date are refused", () =>
  withImageEngine(async (engine) => {
    const report = () => {};
    expect(isCode(await failureOf(bootstrapImage(engine, { name: "plan:9", report })), "invalid")).toBe(true);
    const date = "1st of May";
    expect(isCode(await failureOf(bootstrapImage(engine, { name: "busybox", date, report })), "invalid")).toBe(true);
  }));
