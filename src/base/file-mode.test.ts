import { expect, test } from "bun:test";
import { fileMode } from "./file-mode.ts";

const table: ReadonlyArray<readonly [text: string, before: number, directory: boolean, after: number]> = [
  ["755", 0o644, false, 0o755],
  ["u+x", 0o644, false, 0o744],
  ["go-w,a+r", 0o622, false, 0o644],
  ["a=rX", 0o640, false, 0o444],
  ["a=rX", 0o750, true, 0o555],
  ["+x", 0o644, false, 0o755],
  ["g=u", 0o740, false, 0o770],
  ["u+s", 0o755, false, 0o4755],
];
for (const [text, mode, isDirectory, after] of table) {
  test(`${text} makes of ${mode.toString(8)} ${after.toString(8)}`, () =>
    expect(fileMode(text, { mode, isDirectory })).toBe(after));
}

test("what is no mode is refused", () =>
  expect(() => fileMode("rwx", { mode: 0, isDirectory: false })).toThrow("invalid chmod"));
