/** Builds the one executable, `dist/isle`. */
import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";

const root = dirname(import.meta.dirname);
const target = join(root, "dist", "isle");

const commit = git("rev-parse", "--short", "HEAD") || "unknown";
const builtAt = git("log", "-1", "--format=%cI") || "";
mkdirSync(dirname(target), { recursive: true });
// Built beside the target and moved over it, so that a daemon may run the old one meanwhile.
const fresh = `${target}.new`;
execFileSync(
  process.execPath,
  [
    // Split, so that a start loads only what it runs: that is a third of the time a short command takes.
    ...["build", "--compile", "--bytecode", "--minify-whitespace", "--minify-syntax", "--format=esm", "--splitting"],
    // The directory it is called in must not change what it does.
    ...["--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig"],
    ...["--define", `ISLE_COMMIT=${JSON.stringify(commit)}`, "--define", `ISLE_BUILD_TIME=${JSON.stringify(builtAt)}`],
    ...[join(root, "src/main.ts"), "--outfile", fresh],
  ],
  { cwd: root, stdio: ["ignore", "ignore", "inherit"] },
);
renameSync(fresh, target);

function git(...args: string[]): string {
  try {
    return execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "";
  }
}
