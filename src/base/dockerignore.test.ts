import { expect, test } from "bun:test";
import { parseDockerignore } from "./dockerignore.ts";

const ignores = parseDockerignore(
  "# comment\n/node_modules\n*.log\n**/temp?\n!keep.log\ndocs/**/*.md\n!docs/README.md\n",
);
const table: ReadonlyArray<readonly [path: string, ignored: boolean]> = [
  ["node_modules", true],
  ["node_modules/a/b.js", true],
  ["src/node_modules", false],
  ["a.log", true],
  ["src/a.log", false],
  ["keep.log", false],
  ["x/y/temp1", true],
  ["temp2", true],
  ["docs/a/b.md", true],
  ["docs/README.md", false],
  ["main.ts", false],
];
for (const [path, ignored] of table)
  test(`${path} is ${ignored ? "left out" : "taken"}`, () => expect(ignores(path)).toBe(ignored));
