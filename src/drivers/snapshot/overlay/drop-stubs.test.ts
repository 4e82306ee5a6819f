import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { dropStubs } from "./drop-stubs.ts";

let directory: string;
const at = (name: string) => join(directory, name);
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "isle-stubs-"));
  for (const name of ["upper", "lower"]) mkdirSync(at(name));
  fill("stubs", ["run/secrets/s", "cache/"]);
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Empty files, and directories where the name ends in a slash. */
function fill(tree: string, names: readonly string[]): void {
  for (const name of names) {
    const path = join(at(tree), name);
    mkdirSync(name.endsWith("/") ? path : dirname(path), { recursive: true });
    if (!name.endsWith("/")) writeFileSync(path, "");
  }
}

const left = (): string[] => readdirSync(at("upper"), { recursive: true }).map(String).sort();

test("empty places go with the directories that were made for them, and everything else stays", () => {
  fill("upper", ["run/secrets/s", "cache/", "own", "other/"]);
  dropStubs(at("stubs"), at("upper"), [at("lower")]);
  expect(left()).toEqual(["other", "own"]);
});

test("what was written at a place stays, and so does a directory that the layers have otherwise", () => {
  fill("upper", ["run/secrets/s", "cache/kept"]);
  fill("lower", ["run/"]);
  chmodSync(join(at("upper"), "run"), 0o700);
  dropStubs(at("stubs"), at("upper"), [at("lower")]);
  expect(left()).toEqual(["cache", "cache/kept", "run"]);
  writeFileSync(join(at("upper"), "cache/kept"), "x");
  chmodSync(join(at("upper"), "run"), 0o755);
  dropStubs(at("stubs"), at("upper"), [at("lower")]);
  expect(left()).toEqual(["cache", "cache/kept"]);
});

test("no link is followed", () => {
  fill("elsewhere", ["secrets/s"]);
  symlinkSync(at("elsewhere"), join(at("upper"), "run"));
  dropStubs(at("stubs"), at("upper"), [at("lower")]);
  expect(readdirSync(join(at("elsewhere"), "secrets"))).toEqual(["s"]);
  expect(left()).toContain("run");
});
