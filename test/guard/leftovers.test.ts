import { afterEach, beforeEach, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { leftovers, lookAround } from "./leftovers.ts";

let directory: string;
let child: ChildProcess | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "isle-guard-"));
});

afterEach(async () => {
  if (child && child.exitCode === null) {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  child = undefined;
  rmSync(directory, { recursive: true, force: true });
});

/** Other test files run beside this one and have control groups for a while. */
const found = (before: ReturnType<typeof lookAround>): string[] =>
  leftovers(before, lookAround(directory)).filter((line) => !line.startsWith("control group"));

test("nothing done leaves nothing behind", () => {
  expect(found(lookAround(directory))).toEqual([]);
});

test("a file that stays is told by name", () => {
  const before = lookAround(directory);
  writeFileSync(join(directory, "forgotten"), "");
  expect(found(before)).toEqual(["file left behind: forgotten"]);
});

test("a process that was started with a path of the tests is told with its command", async () => {
  const before = lookAround(directory);
  child = spawn("sleep", ["60"], { env: { TEST_DIRECTORY: directory }, stdio: "ignore" });
  await once(child, "spawn");
  expect(found(before)).toEqual([`process left behind: ${child.pid} sleep 60`]);
});
