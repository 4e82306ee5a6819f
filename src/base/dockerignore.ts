import { globSource } from "./glob.ts";

/** Tells whether the patterns of a .dockerignore leave a path out. Paths are relative, with slashes. */
export type Ignores = (path: string) => boolean;

interface Pattern {
  readonly test: RegExp;
  readonly negated: boolean;
}

export const parseDockerignore = (text: string): Ignores => ignoring(readPatterns(text));

/** The patterns of a .dockerignore, comments left out. */
export const readPatterns = (text: string): string[] =>
  text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .filter((line) => !line.startsWith("#"));

/** True when a path below one that is left out may be taken all the same. */
export const hasNegation = (patterns: readonly string[]): boolean =>
  patterns.some((line) => line.trim().startsWith("!"));

/** The last pattern that fits decides; a pattern that fits a directory fits all below it. */
export function ignoring(lines: readonly string[]): Ignores {
  const patterns = lines.flatMap((line) => toPattern(line.trim()));
  if (patterns.length === 0) return () => false;
  return (path) => {
    let ignored = false;
    for (const { test, negated } of patterns) if (test.test(path)) ignored = !negated;
    return ignored;
  };
}

function toPattern(line: string): Pattern[] {
  const negated = line.startsWith("!");
  const cleaned = cleanPath(negated ? line.slice(1).trim() : line);
  if (cleaned === "") return [];
  return [{ test: new RegExp(`^${globSource(cleaned, { globstar: true })}(?:/.*)?$`, "s"), negated }];
}

function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}
