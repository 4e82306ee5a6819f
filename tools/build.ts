/** Builds the one executable, `dist/isle`. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const root = dirname(import.meta.dirname);
const target = join(root, "dist", "isle");

const commit = git("rev-parse", "--short", "HEAD") || "unknown";
const builtAt = git("log", "-1", "--format=%cI") || "";
mkdirSync(dirname(target), { recursive: true });
buildGuest();
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
linkRuntime();

/** The parts in C, static: the guest's first process, and what stands for it on the host. */
function buildGuest(): void {
  const flags = ["-std=gnu17", "-O2", "-Wall", "-Wextra", "-Wno-unused-result", "-D_GNU_SOURCE", "-static", "-s"];
  for (const part of ["agent", "relay"]) {
    const sources = globSync([`guest/${part}/*.c`, "guest/common/*.c"], { cwd: root }).sort();
    const made = join(dirname(target), `isle-${part}`);
    const stamp = createHash("sha256").update(flags.join(" "));
    for (const file of [...sources, ...globSync(["guest/**/*.h", "protocol/*.h"], { cwd: root }).sort()]) {
      stamp.update(readFileSync(join(root, file)));
    }
    const digest = stamp.digest("hex");
    if (existsSync(made) && existsSync(`${made}.stamp`) && readFileSync(`${made}.stamp`, "utf8") === digest) continue;
    execFileSync("gcc", [...flags, "-o", `${made}.new`, ...sources], {
      cwd: root,
      stdio: ["ignore", "ignore", "inherit"],
    });
    renameSync(`${made}.new`, made);
    writeFileSync(`${made}.stamp`, digest);
  }
}

/** The same program by the name of a runtime. */
function linkRuntime(): void {
  rmSync(join(dirname(target), "isle-vm"), { force: true });
  symlinkSync("isle", join(dirname(target), "isle-vm"));
}

function git(...args: string[]): string {
  try {
    return execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "";
  }
}
