/**
 * Runs the tests and says how many passed.
 *
 *     bun tools/test.ts [PART-OF-A-FILE-NAME...]
 *
 * Unit tests run together. Each file of test/ runs in a process of its own, as root in a mount and network namespace
 * of its own, at most two at a time; afterwards the machine must look as before. A file that fails is run once more, alone
 * at the end: what then passes is told as FLAKY with the first run's output, and is a fault to look into.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { leftovers, lookAround } from "../test/guard/leftovers.ts";
import { runStep } from "./run-step.ts";
import { type Counts, countsLine, countsOf, sum } from "./test-counts.ts";

const root = dirname(import.meta.dirname);
const fileLimitSeconds = 900;
const filesAtATime = 2;
/** Files that fetch packages and so need the machine's own network. */
const online = ["test/system/bootstrap.test.ts", "test/compose/compose.test.ts", "test/compat/build-projects.test.ts"];
const wanted = process.argv.slice(2);
const scratch = mkdtempSync("/tmp/isle-test-");
chmodSync(scratch, 0o711);
const reports = mkdtempSync("/tmp/isle-reports-");

const counts = await testEverything();
rmSync(reports, { recursive: true, force: true });
rmSync(scratch, { recursive: true, force: true });
console.log(countsLine(counts));
process.exit(counts.failed === 0 && counts.passed > 0 ? 0 : 1);

async function testEverything(): Promise<Counts> {
  const isWanted = (file: string): boolean => wanted.length === 0 || wanted.some((part) => file.includes(part));
  const files = globSync("test/**/*.test.ts", { cwd: root }).filter(isWanted).sort();
  const unitFiles = globSync(["src/**/*.test.ts", "tools/**/*.test.ts"], { cwd: root }).filter(isWanted);
  if (files.length + unitFiles.length === 0) return noTests();
  const before = lookAround(scratch);
  if (files.length > 0) execFileSync(process.execPath, [join(root, "tools/build.ts")], { stdio: "inherit" });
  const results: Counts[] = [];
  if (unitFiles.length > 0) results.push(await testFiles("unit", unitFiles, []));
  const queue = [...files];
  const failed: string[] = [];
  const work = async (): Promise<void> => {
    for (let file = queue.shift(); file; file = queue.shift()) {
      const result = await testFiles(file, [file], enclosure(file));
      if (result.failed > 0) failed.push(file);
      else results.push(result);
    }
  };
  await Promise.all(Array.from({ length: filesAtATime }, work));
  for (const file of failed) {
    const again = await testFiles(file, [file], enclosure(file));
    if (again.failed === 0) console.log(`FLAKY   ${file}: failed beside others, passed alone`);
    results.push(again);
  }
  const left = await settledLeftovers(() => leftovers(before, lookAround(scratch)));
  for (const line of left) console.log(line);
  results.push({ passed: left.length === 0 ? 1 : 0, failed: left.length === 0 ? 0 : 1, skipped: 0 });
  return sum(results);
}

/** What was killed needs a moment to be gone. */
async function settledLeftovers(look: () => string[]): Promise<string[]> {
  for (let tries = 0; tries < 30 && look().length > 0; tries++) await setTimeout(100);
  return look();
}

function noTests(): Counts {
  console.log("no test has such a name");
  return { passed: 0, failed: 1, skipped: 0 };
}

/** Mounts and network of a test file are its own where that is allowed. */
function enclosure(file: string): string[] {
  if (process.getuid?.() !== 0) return [];
  if (online.includes(file)) return ["unshare", "--mount"];
  const prepare = 'mount --make-rshared / && ip link set lo up && exec "$@"';
  return ["unshare", "--mount", "--net", "sh", "-c", prepare, "sh"];
}

async function testFiles(name: string, files: readonly string[], before: readonly string[]): Promise<Counts> {
  const report = join(reports, `${name.replaceAll("/", "-")}.xml`);
  mkdirSync(scratch, { recursive: true });
  const bun = [process.execPath, "test", "--timeout=120000", "--reporter=junit", `--reporter-outfile=${report}`];
  const { exitCode, output, seconds } = await runStep([...before, ...bun, ...files.map((file) => `./${file}`)], {
    cwd: root,
    env: { ...process.env, TMPDIR: scratch, ISLE_BINARY: join(root, "dist/isle") },
    limitSeconds: fileLimitSeconds,
  });
  const counted = countsOf(existsSync(report) ? readFileSync(report, "utf8") : "");
  const isClean = exitCode === 0 && counted.failed === 0;
  const result = isClean || counted.failed > 0 ? counted : { ...counted, failed: 1 };
  if (!isClean) console.log(output.trimEnd());
  for (const [line] of output.matchAll(/^SKIPPED.*$/gm)) console.log(line);
  console.log(`${isClean ? "ok    " : "FAILED"}  ${name}: ${countsLine(result)} in ${seconds.toFixed(1)} s`);
  return result;
}
