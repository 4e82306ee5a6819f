import { expect, test } from "bun:test";
import type { Examination, Row } from "./examine.ts";
import { report } from "./report.ts";

const row = (name: string, present: boolean, needed: boolean): Row => ({
  name,
  why: "do its work",
  needed,
  present,
  detail: "detail",
});

const examination = (more: Partial<Examination>): Examination => ({
  system: "Debian GNU/Linux 12",
  tested: true,
  rows: [row("one", true, true), row("second", false, false), row("third", false, true)],
  packages: ["third-package"],
  ready: false,
  ...more,
});

test("pipes get words, and what is absent is told with its use", () => {
  const lines = report(examination({}), false).split("\n");
  expect(lines.slice(2, 5)).toEqual([
    "ok       one     detail",
    "absent   second  detail (to do its work)",
    "MISSING  third   detail (to do its work)",
  ]);
});

test("terminals get marks", () => {
  const lines = report(examination({}), true).split("\n");
  expect(lines.slice(2, 5).map((line) => line[0])).toEqual(["✓", "–", "✗"]);
});

test("the command that installs what lacks is there to be copied", () => {
  expect(report(examination({}), false)).toContain("\n  apt-get install -y --no-install-recommends third-package\n");
  expect(report(examination({ packages: [] }), false)).not.toContain("apt-get");
});

test("a distribution without tests is told", () => {
  expect(report(examination({ tested: false, system: "Arch" }), false)).toContain("isle is not tested on Arch");
  expect(report(examination({}), false)).not.toContain("not tested");
});
