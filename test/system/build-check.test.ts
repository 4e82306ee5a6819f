import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeContext } from "../support/context-files.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";

let daemon: TestDaemon;
let context: string;
beforeAll(async () => {
  daemon = await startDaemon();
  context = join(daemon.directory, "context");
});
afterEach(() => rmSync(context, { recursive: true, force: true }));
afterAll(() => daemon.stop());

const write = (files: Readonly<Record<string, string>>): void => writeContext(context, files);

const build = (...flags: string[]) => daemon.cli(["build", ...flags, context], { timeoutMs: 60_000 });
const check = (...flags: string[]) => build("--check", ...flags);

test("a check tells each finding with its lines, and runs nothing", async () => {
  write({ Dockerfile: "FROM busybox AS Base\nWORKDIR x\nRUN exit 1\nCOPY $nope /a\n", big: "x".repeat(1 << 20) });
  const { exitCode, stdout, stderr } = await check();
  expect([exitCode, stderr]).toEqual([1, ""]);
  expect(stdout).toBe(
    [
      "Check complete, 3 warnings have been found!",
      "",
      "WARNING: StageNameCasing - https://docs.docker.com/go/dockerfile/rule/stage-name-casing/",
      "Stage name 'Base' should be lowercase",
      "Dockerfile:1",
      "--------------------",
      "   1 | >>> FROM busybox AS Base",
      "   2 |     WORKDIR x",
      "   3 |     RUN exit 1",
      "--------------------",
      "",
      "WARNING: WorkdirRelativePath - https://docs.docker.com/go/dockerfile/rule/workdir-relative-path/",
      'Relative workdir "x" can have unexpected results if the base image changes',
      "Dockerfile:2",
      "--------------------",
      "   1 |     FROM busybox AS Base",
      "   2 | >>> WORKDIR x",
      "   3 |     RUN exit 1",
      "   4 |     COPY $nope /a",
      "--------------------",
      "",
      "WARNING: UndefinedVar - https://docs.docker.com/go/dockerfile/rule/undefined-var/",
      "Usage of undefined variable '$nope'",
      "Dockerfile:4",
      "--------------------",
      "   2 |     WORKDIR x",
      "   3 |     RUN exit 1",
      "   4 | >>> COPY $nope /a",
      "   5 |     ",
      "--------------------",
      "",
    ].join("\n"),
  );
});

test("a good Dockerfile passes, one that cannot be built does not", async () => {
  write({ Dockerfile: "FROM busybox\nCOPY . /a\n" });
  const good = await check();
  expect([good.exitCode, good.stdout]).toEqual([0, "Check complete, no warnings found.\n"]);
  write({ Dockerfile: "FROM busybox\nRUM x\n" });
  const bad = await check();
  expect([bad.exitCode, bad.stdout]).toEqual([
    1,
    expect.stringContaining("ERROR: dockerfile parse error on line 2: unknown instruction: RUM (did you mean RUN?)"),
  ]);
  write({ Dockerfile: "ARG tag\nFROM busybox:$tag\n" });
  const json = JSON.parse((await build("--call", "check,format=json")).stdout);
  expect(json.warnings[0]).toMatchObject({
    ruleName: "InvalidDefaultArgInFrom",
    location: { ranges: [{ start: { line: 2 }, end: { line: 2 } }] },
  });
  expect(json.buildError.message).toContain('failed to parse stage name "busybox:"');
});

test("rules are skipped, asked for and made errors by the directive or a build argument", async () => {
  const text = "FROM busybox\nMAINTAINER me\nCOPY out /x\n";
  write({ Dockerfile: text, ".dockerignore": "out\n", out: "" });
  expect((await check()).stdout).toContain("1 warning has been found");
  const argument = (value: string) => ["--build-arg", `BUILDKIT_DOCKERFILE_CHECK=${value}`];
  expect((await check(...argument("skip=MaintainerDeprecated"))).exitCode).toBe(0);
  expect((await check(...argument("skip=all;experimental=CopyIgnoredFile"))).stdout).toContain(
    'Attempting to Copy file "out" that is excluded by .dockerignore',
  );
  expect((await check(...argument("sikp=all"))).stdout).toContain('invalid check option "sikp"');
  write({ Dockerfile: `# check=skip=UndefinedVar;error=true\n${text}` });
  const failed = await build();
  expect([failed.exitCode, failed.stderr]).toEqual([
    1,
    expect.stringContaining("lint violation found for rules: MaintainerDeprecated"),
  ]);
  expect(failed.stderr).not.toContain("DONE");
});

test("a build tells at its end what the linter has found in the stages it needs", async () => {
  write({ Dockerfile: "FROM busybox AS unused\nWORKDIR rel\nFROM busybox\nCMD echo hello\n" });
  const { exitCode, stderr } = await build();
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toEndWith(
    "\n1 warning found (use --check to expand):\n - JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals (line 4)\n",
  );
  expect((await build("-q")).stderr).toBe("");
});

test("a Dockerfile on standard input and one elsewhere are checked as well", async () => {
  const piped = await daemon.cli(["build", "--check", "-"], { input: "FROM busybox\nMAINTAINER me\n" });
  expect([piped.exitCode, piped.stdout]).toEqual([1, expect.stringContaining("MaintainerDeprecated")]);
  write({ f: "" });
  writeFileSync(join(daemon.directory, "Elsewhere"), "FROM busybox\nENV a b\n");
  const elsewhere = await check("-f", join(daemon.directory, "Elsewhere"));
  expect([elsewhere.exitCode, elsewhere.stdout]).toEqual([1, expect.stringContaining("LegacyKeyValueFormat")]);
});

test("an outline names what the target may be given, and the targets are listed", async () => {
  write({
    Dockerfile:
      "# HOST is where\nARG HOST=1\nARG OTHER\n# one is the first\nFROM busybox AS one\nARG HOST\n# level is how much\nARG level=high\nRUN --mount=type=secret,id=tok --mount=type=secret,id=req,required --mount=type=ssh true\nFROM busybox AS unused\nARG bad\nFROM one\nARG last\n",
  });
  expect((await build("--call", "outline", "--target", "one")).stdout).toBe(
    [
      "TARGET:      one",
      "DESCRIPTION: is the first",
      "",
      "BUILD ARG   VALUE   DESCRIPTION",
      "HOST        1       is where",
      "level       high    is how much",
      "",
      "SECRET   REQUIRED",
      "tok      ",
      "req      true",
      "",
      "SSH       REQUIRED",
      "default   ",
      "",
    ].join("\n"),
  );
  expect((await build("--call", "targets")).stdout).toBe(
    "TARGET    DESCRIPTION\none       is the first\nunused    \n(default) \n",
  );
  const unknown = await build("--call", "nothing");
  expect([unknown.exitCode, unknown.stderr]).toEqual([1, expect.stringContaining('the question "nothing"')]);
});

test("two stages of one name are doubtful and no fault: the later one is meant", async () => {
  write({
    Dockerfile: "FROM busybox AS a\nRUN exit 1\nFROM busybox AS a\nRUN echo two > /f\nFROM a\nARG x\nRUN cat /f\n",
  });
  const { exitCode, stderr } = await build();
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toContain("DuplicateStageName");
});

test("the arguments of a stage are known to those on top of it", async () => {
  write({ Dockerfile: "FROM busybox AS a\nARG who=you\nFROM a\nRUN echo hello $who > /f; test $who = me\n" });
  const { exitCode, stderr } = await build("--build-arg", "who=me");
  expect(exitCode, stderr).toBe(0);
});
