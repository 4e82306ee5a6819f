import { afterAll, beforeAll, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "../../src/os/find-program.ts";
import { findPeers, startDocker } from "../perf/engines.ts";
import type { Side } from "../perf/side.ts";
import { busyboxRoot } from "../support/busybox-root.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { checkCorpus } from "./check-corpus.ts";
import { checkFindings } from "./check-findings.ts";
import { writeContext } from "./corpus-build.ts";

const peers = findPeers();
const plugin = [
  ...(peers ? [join(peers.directory, "sid/usr/libexec/docker/cli-plugins/docker-buildx")] : []),
  join(import.meta.dirname, "../../.cache/docker-buildx/docker-buildx"),
].find((path) => existsSync(path));
const canBuild = findProgram("docker") !== undefined && plugin !== undefined;
if (!canBuild) console.log("SKIPPED questions of docker build: there is no docker client with buildx");
const canCall = canBuild && execFileSync(plugin!, ["build", "--help"]).toString().includes("--call");
if (!canCall) console.log("SKIPPED docker build --check: it takes buildx 0.15 or newer");
if (!peers) console.log("SKIPPED the comparison of checks with BuildKit: there is no root with dockerd (ISLE_PEERS)");

let daemon: TestDaemon;
let docker: Side | undefined;
let shared = "";
beforeAll(async () => {
  daemon = await startDaemon();
  for (const each of checkCorpus) writeContext(contextOf(each.name), { ...each, run: "", prints: "" });
  const plugins = join(daemon.directory, "docker-config", "cli-plugins");
  mkdirSync(plugins, { recursive: true });
  if (canBuild) copyFileSync(plugin!, join(plugins, "docker-buildx"));
  if (!peers) return;
  docker = await startDocker(peers);
  shared = join(peers.directory, "data", `check-${process.pid}`);
  mkdirSync(shared);
  writeFileSync(join(shared, "busybox.tar"), await busyboxRoot());
  docker.run("import", join("/var/lib/docker", `check-${process.pid}`, "busybox.tar"), "busybox");
}, 120_000);
afterAll(async () => {
  docker?.close();
  if (shared) rmSync(shared, { recursive: true, force: true });
  await daemon.stop();
}, 60_000);

const contextOf = (name: string): string => join(daemon.directory, "check", name);

interface Report {
  readonly warnings: ReadonlyArray<{ ruleName: string; detail: string; location: { ranges: Range[] } }> | null;
  readonly buildError?: { readonly message: string };
}
interface Range {
  readonly start: { readonly line: number };
}

/** In the order of the lines, as the table has them. */
function findingsOf(json: string): string[] {
  const { warnings, buildError } = JSON.parse(json) as Report;
  const found = (warnings ?? []).map(({ ruleName, detail, location: { ranges } }) => ({
    line: ranges[0]!.start.line,
    text: `${ranges[0]!.start.line}-${ranges.at(-1)!.start.line} ${ruleName}: ${detail}`,
  }));
  const sorted = found.sort((a, b) => a.line - b.line || (a.text < b.text ? -1 : 1)).map(({ text }) => text);
  return buildError ? [...sorted, `ERROR ${buildError.message}`] : sorted;
}

const json = ["build", "--call", "check,format=json"];
const isRefusal = (finding: string): boolean => finding.startsWith("ERROR");
/** What the parser refuses is worded by each engine in its own way. */
const sameWords = (findings: readonly string[]): string[] =>
  findings.map((each) => (isRefusal(each) && !each.startsWith("ERROR lint violation") ? "ERROR" : each));

test("isle's check of the corpus finds what BuildKit's does, faults included", async () => {
  for (const { name, flags = [] } of checkCorpus) {
    const { stdout, exitCode, stderr } = await daemon.cli([...json, ...flags, contextOf(name)]);
    const expected = checkFindings[name]!;
    expect([name, exitCode, stderr]).toEqual([name, expected.length > 0 ? 1 : 0, ""]);
    expect([name, ...sameWords(findingsOf(stdout))]).toEqual([name, ...sameWords(expected)]);
  }
}, 60_000);

const throughDocker = [
  "clean",
  "several-in-one",
  "error",
  "heredoc",
  "multi-line",
  "fault",
  "copy-ignored-experimental",
];
for (const name of throughDocker) {
  test.skipIf(!canCall)(`docker build --check shows the findings of ${name}`, async () => {
    const { stdout } = await daemon.docker([...json, contextOf(name)]);
    expect(sameWords(findingsOf(stdout))).toEqual(sameWords(checkFindings[name]!));
    const shown = await daemon.docker(["build", "--check", contextOf(name)]);
    const isle = await daemon.cli(["build", "--check", contextOf(name)]);
    expect(shown.exitCode).toBe(isle.exitCode);
    if (!checkFindings[name]!.some(isRefusal)) {
      // The client names the file as it reached it.
      expect(shown.stdout.replaceAll(`${contextOf(name)}/`, "").trimEnd()).toBe(isle.stdout.trimEnd());
    }
  });
}

test.skipIf(!canBuild)("docker build shows what the linter found, and asks for outlines and targets", async () => {
  const built = await daemon.docker(["build", "--progress", "plain", contextOf("several-in-one")]);
  expect(built.exitCode, built.stderr).toBe(0);
  expect(built.stderr).toContain("StageNameCasing: Stage name 'Base' should be lowercase (line 1)");
  for (const question of ["outline", "targets"]) {
    const flags = [canCall ? "--call" : "--print", question, contextOf("definition-description-good")];
    const shown = await daemon.docker(["buildx", "build", ...flags], { env: { BUILDX_EXPERIMENTAL: "1" } });
    const isle = await daemon.cli(["build", "--call", question, contextOf("definition-description-good")]);
    expect([question, shown.exitCode, shown.stdout.trim()]).toEqual([question, 0, isle.stdout.trim()]);
  }
});

test.skipIf(!peers)(
  "the table of findings is what BuildKit finds",
  () => {
    const seen: Record<string, readonly string[]> = {};
    cpSync(join(daemon.directory, "check"), join(shared, "check"), { recursive: true });
    for (const { name, flags = [] } of checkCorpus) {
      const words = ["docker", ...json, ...flags, "."].map((word) => `'${word}'`).join(" ");
      const inside = join("/var/lib/docker", `check-${process.pid}`, "check", name);
      seen[name] = findingsOf(docker!.shell(`cd ${inside} && ${words} 2>/dev/null || true`));
    }
    expect(seen).toEqual({ ...checkFindings });
  },
  180_000,
);
