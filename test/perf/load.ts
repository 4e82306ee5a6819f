import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Figure } from "./report.ts";
import { timed } from "./scenarios.ts";
import type { Side } from "./side.ts";
import { pairedRatio, summarise } from "./statistics.ts";

const rounds = 3;

/**
 * `load` of a Debian image. Each round has an image of its own, since removing the last one would slow the file system
 * for the next, for both alike.
 */
export function loadFigure(sides: readonly Side[], directory: string): Figure {
  const taking = sides.filter(({ name }) => name !== "podman");
  const isle = sides[0]!;
  isle.run("image", "bootstrap", "debian:bookworm");
  const archives = Array.from({ length: rounds }, (_, round) => writeArchive(isle, directory, round));
  const results = new Map<string, number[]>(taking.map(({ name }) => [name, []]));
  for (const archive of archives) {
    for (const side of taking) results.get(side.name)!.push(loadOnce(side, archive));
  }
  const theirs = results.get("docker");
  return {
    scenario: "load + unpack Debian",
    unit: "ms",
    sides: Object.fromEntries([...results].map(([name, list]) => [name, summarise(list)])),
    ratios: theirs ? { docker: pairedRatio(results.get("isle")!, theirs) } : {},
    bars: theirs ? { docker: 1 / 2 } : {},
  };
}

/** The Debian image with one file more, flattened to a layer that no engine has seen, as a docker-archive. */
function writeArchive(isle: Side, directory: string, round: number): string {
  const work = join(directory, `variant-${round}`);
  mkdirSync(join(work, "root"), { recursive: true });
  const archive = join(directory, `debian-${round}.tar`);
  const marker = join(work, "root", `round-${round}`);
  writeFileSync(marker, `${round}\n`);
  const name = `bench-debian-${round}`;
  isle.shell(`id=$($E create debian:bookworm true); $E export $id > ${work}/root.tar; $E rm $id >/dev/null`);
  execFileSync("tar", ["-C", join(work, "root"), "-rf", join(work, "root.tar"), `round-${round}`]);
  isle.shell(`$E import ${work}/root.tar ${name} >/dev/null; $E save -o ${archive} ${name}; $E rmi ${name} >/dev/null`);
  return archive;
}

function loadOnce(side: Side, archive: string): number {
  const inside = side.name === "isle" ? archive : "/tmp/load.tar";
  if (side.name !== "isle") copyFileSync(archive, `/proc/${side.root}/root${inside}`);
  return timed(() => side.run("load", "-i", inside));
}
