import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sealProgram } from "./sealed-program.ts";

test("the copy of a program runs and cannot be changed", () => {
  const directory = mkdtempSync(join(tmpdir(), "isle-seal-"));
  try {
    const sealed = sealProgram("/bin/echo", join(directory, "sealed", "echo"));
    expect(sealed).toBe(join(directory, "sealed", "echo"));
    expect(execFileSync(sealed, ["hello"], { encoding: "utf8" })).toBe("hello\n");
    expect(readFileSync(sealed).equals(readFileSync("/bin/echo"))).toBe(true);
    const writeIntoIt = () => Bun.spawnSync(["sh", "-c", 'printf x > "$0"', sealed]);
    expect(writeIntoIt().exitCode).not.toBe(0);
    expect(readFileSync(sealed).equals(readFileSync("/bin/echo"))).toBe(true);
    expect(sealProgram("/bin/echo", sealed)).toBe(sealed);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
