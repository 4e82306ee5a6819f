import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startOnTerminal } from "../../src/os/process.ts";
import { isleBinary, startDaemon, type TestDaemon } from "../support/daemon.ts";

let daemon: TestDaemon;
let context: string;
beforeAll(async () => {
  daemon = await startDaemon();
  context = join(daemon.directory, "context");
  mkdirSync(context);
});
afterAll(() => daemon.stop());

/** Runs a build on a terminal of its own and returns all that was drawn. */
async function drawn(dockerfile: string, ...flags: string[]): Promise<{ text: string; exitCode: number }> {
  writeFileSync(join(context, "Dockerfile"), dockerfile);
  let text = "";
  const command = [isleBinary, "-H", `unix://${daemon.socket}`, "build", ...flags, context];
  const child = startOnTerminal(daemon.enter(command), { columns: 60, rows: 12 }, (data) => {
    text += Buffer.from(data).toString();
  });
  const exitCode = await child.exited;
  child.close();
  return { text: text.replaceAll("\r\n", "\n"), exitCode };
}

test("a terminal shows the steps that run, redrawn, and at the end all of them", async () => {
  const { text, exitCode } = await drawn(
    "FROM busybox\nRUN echo first words; sleep 1; echo more\nRUN echo x\n",
    "--no-cache",
  );
  expect(exitCode, text).toBe(0);
  expect(text).toMatch(/\x1b\[\d+A\r\x1b\[J\[\+\] Building \d\.\ds \(1\/\d\)\n/);
  expect(text).toContain(" => => # first words\n");
  const last = text.slice(text.lastIndexOf("[+] Building"));
  expect(last).toMatch(/^\[\+\] Building \d\.\ds \((\d)\/\1\) FINISHED\n/);
  expect(last).toMatch(/ => \[2\/3\] RUN echo first words; sleep 1; echo m.* \d\.\ds/);
  expect(last).toContain("writing image sha256:");
  expect(last).not.toContain("# first words");
});

test("a step that fails is told with its words", async () => {
  const { text, exitCode } = await drawn("FROM busybox\nRUN echo why it fails; exit 4\n");
  expect(exitCode).toBe(1);
  const last = text.slice(text.lastIndexOf("FINISHED"));
  expect(last).toContain("ERROR [2/2] RUN echo why it fails; exit 4");
  expect(last).toContain("------\n > [2/2] RUN echo why it fails; exit 4:\nwhy it fails\n------\n");
  expect(last).toContain("exit code: 4");
});

test("the lines of the Dockerfile that a failure comes from are shown, however the build is shown", async () => {
  const dockerfile = "FROM busybox\nLABEL a=1\nRUN echo why \\\n  && exit 4\nLABEL b=2\n";
  const excerpt = [
    "Dockerfile:3",
    "--------------------",
    "   2 |     LABEL a=1",
    "   3 | >>> RUN echo why \\",
    "   4 | >>>   && exit 4",
    "   5 |     LABEL b=2",
    "--------------------",
    'isle: failed to build: process "/bin/sh -c echo why   && exit 4" did not complete successfully: exit code: 4',
  ].join("\n");
  writeFileSync(join(context, "Dockerfile"), dockerfile);
  for (const flags of [[], ["-q"], ["--progress", "rawjson"]]) {
    expect((await daemon.cli(["build", ...flags, context])).stderr).toEndWith(`${excerpt}\n`);
  }
  expect((await drawn(dockerfile)).text.replaceAll("\r", "")).toEndWith(`${excerpt}\n`);
});

test("--progress plain writes lines on a terminal, quiet nothing but the id, and tty wants a terminal", async () => {
  const plain = await drawn("FROM busybox\nRUN echo a\n", "--progress", "plain");
  expect(plain.text).toContain("#1 [1/2] FROM busybox\n");
  expect(plain.text).not.toContain("\x1b[");
  expect((await drawn("FROM busybox\n", "-q")).text).toMatch(/^sha256:[0-9a-f]{64}\n$/);
  const piped = await daemon.cli(["build", "--progress", "tty", context]);
  expect([piped.exitCode, piped.stderr]).toEqual([1, expect.stringContaining("it is no terminal")]);
  const auto = await daemon.cli(["build", context]);
  expect(auto.stderr).toContain("#1 [1/1] FROM busybox");
});
