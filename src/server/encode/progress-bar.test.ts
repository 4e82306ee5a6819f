import { expect, test } from "bun:test";
import { progressText, withProgressBar } from "./progress-bar.ts";

test("the bar is fifty wide and sizes are in powers of 1000", () => {
  expect(progressText(0, 100)).toBe(`[>${" ".repeat(50)}]       0B/100B`);
  expect(progressText(1_234_567, 2_469_134)).toBe(`[${"=".repeat(25)}>${" ".repeat(25)}]  1.235MB/2.469MB`);
  expect(progressText(100, 100)).toBe(`[${"=".repeat(50)}>]     100B/100B`);
});

test("an unknown or wrong total leaves the number alone", () => {
  expect(progressText(1500, 0)).toBe("   1.5kB");
});

test("lines without a measure stay as they are", () => {
  expect(withProgressBar({ status: "Waiting", progressDetail: {} })).toEqual({ status: "Waiting", progressDetail: {} });
});
