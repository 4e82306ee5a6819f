import { type BigIntStats, lstatSync } from "node:fs";
import { readXattr } from "../xattr.ts";
import { isWhiteoutNode, joinPath, listNames } from "./path.ts";

export interface TreeChange {
  readonly path: string;
  readonly kind: "modified" | "added" | "deleted";
}

/** One directory of the root: in the upper tree, and in those lower trees (uppermost first) that show through. */
interface Level {
  readonly shown: string;
  readonly upper: Buffer;
  readonly lowers: readonly Buffer[];
}

/**
 * What an overlay's upper directory changes against the layers below it, as a comparison of both views would find.
 * A directory is listed when it or anything in it changed. Paths are relative to the root that was entered.
 */
export function overlayChanges(upper: string, lowers: readonly string[]): TreeChange[] {
  const level = { shown: "", upper: Buffer.from(upper), lowers: lowers.map((lower) => Buffer.from(lower)) };
  return changesIn(level).sort((a, b) => (a.path < b.path ? -1 : 1));
}

function changesIn(level: Level): TreeChange[] {
  const names = listNames(level.upper);
  return [...names.flatMap((name) => changeOf(level, name)), ...hiddenByOpaque(level, names)];
}

function changeOf(level: Level, name: Buffer): TreeChange[] {
  const path = `${level.shown}/${name}`;
  const own = joinPath(level.upper, name);
  const stat = lstatIfPresent(own);
  if (!stat) return [];
  const below = lookUp(level.lowers, name);
  if (isWhiteoutNode(stat)) return below ? [{ path, kind: "deleted" }] : [];
  const inside = stat.isDirectory() ? changesIn({ shown: path, upper: own, lowers: below?.directories ?? [] }) : [];
  if (!below) return [{ path, kind: "added" }, ...inside];
  const changed = inside.length > 0 || differs(stat, below.stat);
  return changed ? [{ path, kind: "modified" }, ...inside] : [];
}

/** An opaque directory hides all of the lower ones; what it does not hold again is deleted. */
function hiddenByOpaque(level: Level, names: readonly Buffer[]): TreeChange[] {
  if (level.lowers.length === 0 || !isOpaque(level.upper)) return [];
  const kept = new Set(names.map((name) => name.toString("latin1")));
  const lower = new Set(
    level.lowers.flatMap((directory) => listNames(directory).map((name) => name.toString("latin1"))),
  );
  return [...lower]
    .filter((name) => !kept.has(name) && lookUp(level.lowers, Buffer.from(name, "latin1")))
    .map((name) => ({ path: `${level.shown}/${Buffer.from(name, "latin1")}`, kind: "deleted" }));
}

/** What the lower trees show under a name: the uppermost entry, and for a directory all that are merged with it. */
function lookUp(lowers: readonly Buffer[], name: Buffer): { stat: BigIntStats; directories: Buffer[] } | undefined {
  let top: BigIntStats | undefined;
  const directories: Buffer[] = [];
  for (const lower of lowers) {
    const path = joinPath(lower, name);
    const stat = lstatIfPresent(path);
    if (!stat) continue;
    if (isWhiteoutNode(stat)) break;
    top ??= stat;
    if (!stat.isDirectory()) break;
    directories.push(path);
    if (isOpaque(path)) break;
  }
  return top && { stat: top, directories };
}

function differs(a: BigIntStats, b: BigIntStats): boolean {
  if (a.mode !== b.mode || a.uid !== b.uid || a.gid !== b.gid || a.rdev !== b.rdev) return true;
  return !a.isDirectory() && (a.size !== b.size || a.mtimeNs !== b.mtimeNs);
}

const isOpaque = (path: Buffer): boolean => readXattr(path, "trusted.overlay.opaque")?.toString() === "y";

const lstatIfPresent = (path: Buffer): BigIntStats | undefined =>
  lstatSync(path, { bigint: true, throwIfNoEntry: false }) as BigIntStats | undefined;
