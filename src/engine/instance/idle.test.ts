import { expect, test } from "bun:test";
import type { InstanceMount } from "../../core/instance.ts";
import { checkSuspendAfter, suspendAfterMs } from "./idle.ts";

const label = (value: string) => ({ "isle.suspend-after": value });
const mount = (type: InstanceMount["type"]): InstanceMount => ({
  type,
  source: "data",
  target: "/data",
  readonly: false,
  propagation: "",
  mode: "",
});

test.each([
  [undefined, undefined],
  [{}, undefined],
  [label(""), undefined],
  [label("1s"), 1000],
  [label("1m30s"), 90_000],
])("labels %j suspend after %p ms", (labels, expected) => {
  expect(suspendAfterMs(labels)).toBe(expected);
});

test.each([
  ["999ms", "want at least 1s, got 999ms"],
  ["-5m", "want at least 1s, got -5m"],
  ["5", 'invalid duration "5"'],
])("the time %s is refused", (text, reason) => {
  expect(() => suspendAfterMs(label(text))).toThrow(reason);
});

test("only a microVM without directories of the host can be suspended when it is idle", () => {
  expect(() => checkSuspendAfter(label("1m"), "microvm", [mount("tmpfs")])).not.toThrow();
  expect(() => checkSuspendAfter({}, "container", [mount("bind")])).not.toThrow();
  expect(() => checkSuspendAfter(label("1m"), "container", [])).toThrow("only microVMs");
  expect(() => checkSuspendAfter(label("1m"), "sandbox", [])).toThrow("a sandbox cannot be suspended");
  expect(() => checkSuspendAfter(label("1m"), "microvm", [mount("volume")])).toThrow("/data");
});
