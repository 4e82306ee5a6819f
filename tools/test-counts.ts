export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Sums a JUnit report; one that ran nothing, or was never written, counts as a failure. */
export function countsOf(report: string): Counts {
  const head = /<testsuites\b[^>]*>/.exec(report)?.[0] ?? "";
  const number = (name: string): number => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
  const [tests, skipped, failed] = [number("tests"), number("skipped"), number("failures") + number("errors")];
  if (tests === 0) return { passed: 0, failed: 1, skipped };
  return { passed: tests - skipped - failed, failed, skipped };
}

export function sum(all: readonly Counts[]): Counts {
  const total = (pick: (counts: Counts) => number): number => all.reduce((before, counts) => before + pick(counts), 0);
  return {
    passed: total(({ passed }) => passed),
    failed: total(({ failed }) => failed),
    skipped: total(({ skipped }) => skipped),
  };
}

/** The last line of a run. */
export function countsLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}
