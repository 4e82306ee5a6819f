import { describe, expect, test } from "bun:test";
import type { InstanceHealth, InstanceRecord } from "../../core/instance.ts";
import { nextHealth, probeCommand, validateHealthcheck } from "./health.ts";

const started = "2024-01-01T00:00:00.000000000Z";
const health = (status: InstanceHealth["status"], failingStreak = 0): InstanceHealth => ({
  status,
  failingStreak,
  log: [],
});
const record = (before: InstanceHealth, check: object = {}) =>
  ({
    health: before,
    config: { Healthcheck: { Test: ["CMD", "x"], Retries: 2, StartPeriod: 10e9, ...check } },
    state: { status: "running", startedAt: started },
  }) as unknown as InstanceRecord;
const probe = (exitCode: number, start: string) => ({ exitCode, start, end: start, output: "" });
const early = "2024-01-01T00:00:05.000000000Z";
const late = "2024-01-01T00:01:00.000000000Z";

describe("health", () => {
  test("one success heals", () => {
    expect(nextHealth(record(health("unhealthy", 5)), probe(0, late))).toMatchObject({
      status: "healthy",
      failingStreak: 0,
    });
  });
  test("failures in the start period do not count", () => {
    expect(nextHealth(record(health("starting")), probe(1, early))).toMatchObject({
      status: "starting",
      failingStreak: 0,
    });
  });
  test("as many failures as retries make it unhealthy, one less does not", () => {
    expect(nextHealth(record(health("healthy")), probe(1, late)).status).toBe("healthy");
    expect(nextHealth(record(health("healthy", 1)), probe(1, late)).status).toBe("unhealthy");
  });
  test("only the last five probes are kept", () => {
    const log = Array.from({ length: 5 }, (_, i) => probe(0, `2024-01-01T00:00:0${i}Z`));
    const next = nextHealth(record({ ...health("healthy"), log }), probe(0, late));
    expect(next.log.map(({ start }) => start)).toEqual([...log.slice(1).map(({ start }) => start), late]);
  });
  test("CMD-SHELL runs through the shell of the image", () => {
    expect(probeCommand(record(health("starting"), { Test: ["CMD-SHELL", "a && b"] }))).toEqual([
      "/bin/sh",
      "-c",
      "a && b",
    ]);
    expect(probeCommand(record(health("starting"), { Test: ["NONE"] }))).toBeUndefined();
  });
  test("an unknown kind and times below a millisecond are refused", () => {
    expect(() => validateHealthcheck({ Test: ["WHAT", "x"] })).toThrow("Unknown type 'WHAT'");
    expect(() => validateHealthcheck({ Interval: 10 })).toThrow("cannot be less than 1ms");
  });
});
