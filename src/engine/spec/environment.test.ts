import { expect, test } from "bun:test";
import { instanceEnvironment, planEnvironment } from "./environment.ts";

test("a later entry replaces an earlier one in its place, a bare name removes it", () => {
  expect(planEnvironment(["A=2", "B"], ["A=1", "B=1", "C=1"])).toEqual(["A=2", "C=1"]);
});
test("an instance has PATH and HOSTNAME, and TERM on a terminal", () => {
  expect(instanceEnvironment({ hostname: "h", tty: true, env: ["PATH=/x"] })).toEqual([
    "PATH=/x",
    "HOSTNAME=h",
    "TERM=xterm",
  ]);
});
