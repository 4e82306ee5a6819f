/** Everything that can be said of the code without running it, side by side. */
import { dirname, join } from "node:path";
import { runStep } from "./run-step.ts";

const root = dirname(import.meta.dirname);
const installed = (path: string): string => join(root, "node_modules", path);
const steps: Readonly<Record<string, readonly string[]>> = {
  "format and lint": [installed("@biomejs/biome/bin/biome"), "check", "--error-on-warnings", "--max-diagnostics=50"],
  types: [installed("typescript/lib/tsc.js"), "--noEmit", "-p", "."],
  walls: [join(root, "tools/walls.ts")],
  "dead code": [installed("knip/bin/knip.js"), "--no-config-hints"],
  "file length": [join(root, "tools/file-length.ts")],
  documents: [join(root, "tools/docs.ts")],
};

const begin = performance.now();
const results = await Promise.all(
  Object.entries(steps).map(async ([name, args]) => {
    const { exitCode, output, seconds } = await runStep([process.execPath, ...args], { cwd: root, limitSeconds: 120 });
    console.log(`${exitCode === 0 ? "ok    " : "FAILED"}  ${name.padEnd(16)} ${seconds.toFixed(1)} s`);
    return { name, output, failed: exitCode !== 0 };
  }),
);
const failed = results.filter((result) => result.failed);
for (const { name, output } of failed) console.log(`\n── ${name}\n${output.trimEnd()}`);
const total = ((performance.now() - begin) / 1000).toFixed(1);
console.log(`\ncheck: ${results.length - failed.length} passed, ${failed.length} failed in ${total} s`);
process.exit(failed.length === 0 ? 0 : 1);
