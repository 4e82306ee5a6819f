import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hostPlatform } from "../../src/base/platform.ts";
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
  const rootTar = writeDebianRoot(directory);
  const archives = Array.from({ length: rounds }, (_, round) => writeArchive({ directory, rootTar, round }));
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

/** This machine's own Debian release in its smallest form. Made outside of the engines, whose namespaces have no way out. */
function writeDebianRoot(directory: string): string {
  const tar = join(directory, "debian.tar");
  const codename = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "bookworm";
  execFileSync("mmdebstrap", ["--quiet", "--variant=minbase", codename, tar], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  return tar;
}

interface Round {
  readonly directory: string;
  readonly rootTar: string;
  readonly round: number;
}

/**
 * The Debian root with one file more, as a docker-archive with a layer that no engine has seen. Written by hand: an image
 * made and removed for it would leave ext4 looking through thousands of inodes it will not use again for a minute.
 */
function writeArchive({ directory, rootTar, round }: Round): string {
  const work = join(directory, `variant-${round}`);
  mkdirSync(work, { recursive: true });
  const layer = join(work, "layer.tar");
  copyFileSync(rootTar, layer);
  writeFileSync(join(work, `round-${round}`), `${round}\n`);
  execFileSync("tar", ["-C", work, "-rf", layer, `round-${round}`]);
  const diffId = `sha256:${createHash("sha256").update(readFileSync(layer)).digest("hex")}`;
  const { architecture } = hostPlatform();
  writeFileSync(
    join(work, "config.json"),
    JSON.stringify({ architecture, os: "linux", config: {}, rootfs: { type: "layers", diff_ids: [diffId] } }),
  );
  const entry = { Config: "config.json", RepoTags: [`bench-debian-${round}:latest`], Layers: ["layer.tar"] };
  writeFileSync(join(work, "manifest.json"), JSON.stringify([entry]));
  const archive = join(directory, `debian-${round}.tar`);
  execFileSync("tar", ["-C", work, "-cf", archive, "layer.tar", "config.json", "manifest.json"]);
  return archive;
}

function loadOnce(side: Side, archive: string): number {
  const inside = side.name === "isle" ? archive : "/tmp/load.tar";
  if (side.name !== "isle") copyFileSync(archive, `/proc/${side.root}/root${inside}`);
  return timed(() => side.run("load", "-i", inside));
}
