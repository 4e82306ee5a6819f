/**
 * Measures isle beside Docker and Podman: whole processes, client included, in turn on one machine.
 *
 *     bun test/perf/bench.ts [--only TEXT] [--out DIRECTORY] [--crowds]
 *
 * Without the peers' root (see ISLE_PEERS) only isle's own figures are taken. Exits with 1 when a bar does not hold.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildScenarios } from "./build.ts";
import { writeBusyboxRoot } from "./busybox.ts";
import { containers, crowdFigures, microvms } from "./crowd.ts";
import { findPeers, startDocker, startIsle, startPodman } from "./engines.ts";
import { loadFigure } from "./load.ts";
import { networkFigures, networkScenarios, perlImage, writePerlRoot } from "./network.ts";
import { type Figure, holds, table, write } from "./report.ts";
import { savingScenarios } from "./saving.ts";
import { type Scenario, scenarios } from "./scenarios.ts";
import type { Side } from "./side.ts";
import { pairedRatio, summarise } from "./statistics.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    out: { type: "string", default: "bench-results" },
    crowds: { type: "boolean", default: false },
  },
});
const wanted = (name: string) => values.only === undefined || name.includes(values.only);

const wantsNetwork = [...networkScenarios.map(({ name }) => name), ...networkFigures.map(([name]) => name)].some(
  wanted,
);

const settleMs = 250;
const directory = mkdtempSync("/var/tmp/isle-bench-");
// As /var/lib/isle is.
chmodSync(directory, 0o711);
const peers = findPeers();
if (!peers) console.error("bench: no peers' root found: measuring isle alone (set ISLE_PEERS)");
const sides: Side[] = [await startIsle(join(directory, "isle"))];
const figures: Figure[] = [];
try {
  if (peers) sides.push(await startDocker(peers), await startPodman(peers));
  const rootTar = writeBusyboxRoot(directory);
  for (const side of sides) importImage(side, rootTar, "busybox");
  if (wantsNetwork) for (const side of sides) importImage(side, writePerlRoot(directory), perlImage);
  for (const scenario of scenarios.filter(({ name }) => wanted(name))) add(measureAll(scenario, sides));
  for (const scenario of savingScenarios.filter(({ name }) => wanted(name))) add(measureAll(scenario, sides));
  for (const scenario of buildScenarios.filter(({ name }) => wanted(name))) add(measureAll(scenario, sides));
  for (const scenario of networkScenarios.filter(({ name }) => wanted(name))) add(measureAll(scenario, sides));
  for (const [name, figure] of networkFigures) if (wanted(name)) add(figure(sides[0]!, name));
  if (wanted("load")) add(loadFigure(sides, directory));
  for (const crowd of [containers, microvms]) {
    const asked = values.only !== undefined && wanted(`${crowd.count} ${crowd.what}`);
    if (values.crowds || asked) for (const figure of crowdFigures(sides[0]!, crowd)) add(figure);
  }
  write(values.out, figures);
  console.log(`\n${table(figures)}`);
} finally {
  for (const side of sides) side.close();
  rmSync(directory, { recursive: true, force: true });
}
process.exit(figures.every(holds) ? 0 : 1);

function add(figure: Figure): void {
  figures.push(figure);
  const medians = Object.entries(figure.sides).map(([name, { median }]) => `${name} ${median.toFixed(1)}`);
  console.error(`${figure.scenario}: ${medians.join(", ")} ${figure.unit}`);
}

/** A B C A B C …, after one round that does not count where a round is short. */
function measureAll(scenario: Scenario, all: readonly Side[]): Figure {
  const taking = all.filter(({ name }) => name === "isle" || scenario.peers.includes(name));
  const results = new Map<Side["name"], number[]>(taking.map(({ name }) => [name, []]));
  for (const side of taking) scenario.prepare?.(side);
  try {
    if (scenario.runs > 1) for (const side of taking) scenario.measure(side, -1);
    for (let run = 0; run < scenario.runs; run += 1) {
      for (const side of taking) {
        // What the engine before still cleans up in the background is not this one's cost.
        Bun.sleepSync(settleMs);
        results.get(side.name)!.push(scenario.measure(side, run));
      }
    }
  } finally {
    for (const side of taking) scenario.clean?.(side);
  }
  return toFigure(scenario, results);
}

function toFigure(scenario: Scenario, results: ReadonlyMap<Side["name"], number[]>): Figure {
  const ours = results.get("isle")!;
  const others = [...results].filter(([name]) => name !== "isle");
  return {
    scenario: scenario.name,
    unit: scenario.unit,
    sides: Object.fromEntries([...results].map(([name, list]) => [name, summarise(list)])),
    ratios: Object.fromEntries(others.map(([name, list]) => [name, pairedRatio(ours, list)])),
    bars: peers ? scenario.bars : {},
    ...(scenario.limit !== undefined && { limit: scenario.limit }),
  };
}

function importImage(side: Side, tar: string, name: string): void {
  const source = execFileSync("cat", [tar], { maxBuffer: 1 << 28 });
  const target = side.name === "isle" ? tar : `/proc/${side.root}/root/tmp/root.tar`;
  if (side.name !== "isle") execFileSync("sh", ["-c", `cat > ${target}`], { input: source });
  side.run("import", side.name === "isle" ? tar : "/tmp/root.tar", name);
}
