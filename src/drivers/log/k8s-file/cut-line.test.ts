import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hideRestOfLine } from "./cut-line.ts";
import { EntryParser } from "./entry.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "isle-cut-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const line = (text: string) => `2024-05-06T07:08:09.123456789+00:00 ${text}\n`;
const shown = (path: string) =>
  new EntryParser()
    .push(readFileSync(path))
    .map(({ stream, data }) => `${stream} ${Buffer.from(data).toString().trim()}`);

function rotated(first: string[], second: string[]): string[] {
  const [removed, next] = [join(directory, "removed"), join(directory, "next")] as const;
  writeFileSync(removed, first.map(line).join(""));
  writeFileSync(next, second.map(line).join(""));
  hideRestOfLine(removed, next);
  return shown(next);
}

test("the rest of a line whose beginning goes is not shown as a line", () => {
  const rest = ["stderr F other", "stdout P mid", "stdout F end", "stdout F whole"];
  expect(rotated(["stdout P begin"], rest)).toEqual(["stderr other", "stdout whole"]);
});
test("a file that ends with a whole line leaves the next as it is", () => {
  expect(rotated(["stdout F whole"], ["stdout F next"])).toEqual(["stdout next"]);
});
test("a file that is not there changes nothing", () => {
  expect(() => hideRestOfLine(join(directory, "none"), join(directory, "none2"))).not.toThrow();
});
