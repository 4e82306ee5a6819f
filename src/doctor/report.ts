import type { Examination, Row } from "./examine.ts";

/** The table for people, with marks on a terminal and words elsewhere, and what to do next. */
export function report(examination: Examination, isTerminal: boolean): string {
  const { rows, system, tested, packages, ready } = examination;
  const width = Math.max(...rows.map(({ name }) => name.length));
  const lines = rows.map((row) => {
    const use = row.present ? "" : ` (to ${row.why})`;
    return `${mark(row, isTerminal)}  ${row.name.padEnd(width)}  ${row.detail}${use}`;
  });
  const advice = [
    ...(tested ? [] : [`isle is not tested on ${system}: Debian 12 and 13, Ubuntu 22.04 and 24.04 are.`]),
    ...(packages.length > 0
      ? ["To install what lacks:", `  ${aptCommand(packages)}`, "or let isle do it: isle doctor --install"]
      : []),
    ready ? "This machine can run containers." : "This machine cannot run containers yet: something needed lacks.",
  ];
  return `${system}\n\n${lines.join("\n")}\n\n${advice.join("\n")}\n`;
}

export const aptCommand = (packages: readonly string[]): string =>
  `apt-get install -y --no-install-recommends ${packages.join(" ")}`;

function mark({ present, needed }: Row, isTerminal: boolean): string {
  if (isTerminal) return present ? "✓" : needed ? "✗" : "–";
  return (present ? "ok" : needed ? "MISSING" : "absent").padEnd(7);
}
