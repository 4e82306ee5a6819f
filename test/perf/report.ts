import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Side } from "./side.ts";
import type { Summary } from "./statistics.ts";

export interface Figure {
  readonly scenario: string;
  readonly unit: string;
  readonly sides: Partial<Record<Side["name"], Summary>>;
  /** Ours divided by theirs. */
  readonly ratios: Partial<Record<Side["name"], number>>;
  readonly bars: Partial<Record<Side["name"], number>>;
  /** A bar in the figure's own unit. */
  readonly limit?: number;
}

export const holds = ({ sides, ratios, bars, limit }: Figure): boolean =>
  Object.entries(bars).every(([peer, bar]) => (ratios[peer as Side["name"]] ?? Number.POSITIVE_INFINITY) <= bar!) &&
  (limit === undefined || (sides.isle?.median ?? Number.POSITIVE_INFINITY) <= limit);

/** The figures as a Markdown table: medians with least and most, ratios with their bars. */
export function table(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    figure.scenario,
    figure.unit,
    ...(["isle", "docker", "podman"] as const).map((side) => cell(figure.sides[side])),
    ...(["docker", "podman"] as const).map((peer) => ratioCell(figure, peer)),
    figure.limit === undefined ? "" : `≤ ${figure.limit}`,
    Object.keys(figure.bars).length === 0 && figure.limit === undefined ? "" : holds(figure) ? "yes" : "no",
  ]);
  const head = ["scenario", "unit", "isle", "docker", "podman", "isle/docker", "isle/podman", "limit", "holds"];
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function cell(summary: Summary | undefined): string {
  if (!summary) return "";
  const show = (value: number) => (value >= 100 ? value.toFixed(0) : value.toFixed(1));
  const spread = summary.runs > 1 ? ` (${show(summary.min)}–${show(summary.max)})` : "";
  return `${show(summary.median)}${spread}`;
}

function ratioCell({ ratios, bars }: Figure, peer: Side["name"]): string {
  const ratio = ratios[peer];
  if (ratio === undefined) return "";
  const bar = bars[peer];
  return bar === undefined ? ratio.toFixed(2) : `${ratio.toFixed(2)} (≤ ${bar.toFixed(2)})`;
}

export function write(directory: string, figures: readonly Figure[]): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "bench.md"), `${table(figures)}\n`);
  writeFileSync(
    join(directory, "bench.json"),
    `${JSON.stringify({ takenAt: new Date().toISOString(), figures }, null, 2)}\n`,
  );
}
