import { expect, test } from "bun:test";
import { countsLine, countsOf, sum } from "./test-counts.ts";

const report = (attributes: string): string => `<?xml version="1.0"?>\n<testsuites name="bun test" ${attributes}>`;

test("passed tests are those that neither failed nor were skipped", () => {
  const counts = countsOf(report('tests="9" assertions="20" failures="2" skipped="3" time="0.1"'));
  expect(counts).toEqual({ passed: 4, failed: 2, skipped: 3 });
});

test("a run without a test, or without a report, has failed", () => {
  expect(countsOf(report('tests="0" failures="0" skipped="0"'))).toEqual({ passed: 0, failed: 1, skipped: 0 });
  expect(countsOf("")).toEqual({ passed: 0, failed: 1, skipped: 0 });
});

test("the last line names skipped tests only when there are any", () => {
  const one = { passed: 3, failed: 0, skipped: 0 };
  expect(countsLine(one)).toBe("3 passed, 0 failed");
  expect(countsLine(sum([one, { passed: 1, failed: 1, skipped: 2 }]))).toBe("4 passed, 1 failed, 2 skipped");
});
