import { expect, test } from "bun:test";
import { humanDuration } from "./status-text.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const rows: Array<[number, string]> = [
  [999, "Less than a second"],
  [second, "1 second"],
  [59 * second, "59 seconds"],
  [minute, "About a minute"],
  [2 * minute, "2 minutes"],
  [hour, "About an hour"],
  [3 * hour, "3 hours"],
  [2 * day, "2 days"],
  [14 * day, "2 weeks"],
  [90 * day, "3 months"],
  [800 * day, "2 years"],
];
for (const [ms, text] of rows) test(`${ms} ms reads "${text}"`, () => expect(humanDuration(ms)).toBe(text));
