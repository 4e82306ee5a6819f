import { expect, test } from "bun:test";
import { cliReference } from "./cli-reference.ts";
import { commandTable } from "./commands/table.ts";
import { runCli } from "./main.ts";

/** Runs a command line against no daemon at all and keeps what it says. */
async function cli(line: string, env: Record<string, string> = {}) {
  const said = { stdout: "", stderr: "" };
  const output = (name: "stdout" | "stderr") => ({
    isTerminal: false,
    write: (data: string | Uint8Array) => {
      said[name] += typeof data === "string" ? data : new TextDecoder().decode(data);
      return Promise.resolve();
    },
  });
  const code = await runCli(line === "" ? [] : line.split(" "), {
    stdin: { isTerminal: false, read: () => Promise.resolve(undefined) },
    stdout: output("stdout"),
    stderr: output("stderr"),
    env: { HOME: "/nowhere", ...env },
    terminal: { size: () => undefined, makeRaw: () => () => {}, hideInput: () => () => {}, onResize: () => () => {} },
    dial: () => Promise.reject(Object.assign(new Error("Failed to connect"), { code: "ENOENT" })),
    onSignal: () => () => {},
    findProgram: () => undefined,
    become: () => Promise.reject(new Error("no programs here")),
    runProgram: () => Promise.reject(new Error("no programs here")),
  });
  return { code, ...said };
}

test("an unknown flag ends with 125 and points at the help", async () => {
  expect(await cli("run --nosuch busybox")).toEqual({
    code: 125,
    stdout: "",
    stderr:
      "unknown flag: --nosuch\n\nUsage:  isle run [OPTIONS] IMAGE [COMMAND] [ARG...]\n\nRun 'isle run --help' for more information\n",
  });
  expect((await cli("ps -Z")).code).toBe(125);
  expect((await cli("--nosuch")).code).toBe(125);
});

test("too few and too many arguments are told apart", async () => {
  expect((await cli("logs")).stderr).toStartWith("isle: 'isle logs' requires 1 argument\n");
  expect((await cli("run")).stderr).toStartWith("isle: 'isle run' requires at least 1 argument\n");
  expect((await cli("ps x")).stderr).toStartWith("isle: 'isle ps' accepts no arguments\n");
  expect((await cli("images a b")).stderr).toStartWith("isle: 'isle images' accepts at most 1 argument\n");
});

test("unknown commands are named", async () => {
  expect(await cli("nosuch")).toMatchObject({
    code: 1,
    stderr: "isle: unknown command: isle nosuch\n\nRun 'isle --help' for more information\n",
  });
  expect((await cli("network nosuch")).stderr).toContain("unknown command: isle network nosuch");
});

test("without a daemon every command says where it looked", async () => {
  expect(await cli("ps", { DOCKER_HOST: "unix:///d" })).toMatchObject({
    code: 1,
    stderr: "Cannot connect to the isle daemon at unix:///d. Is the isle daemon running?\n",
  });
  expect((await cli("run busybox")).code).toBe(125);
});

test("each command has its help, and its long name leads to the same", async () => {
  for (const { paths, load } of commandTable) {
    const command = await load();
    for (const path of paths) {
      const { code, stdout } = await cli(`${path} --help`);
      expect([path, code]).toEqual([path, 0]);
      expect(stdout).toContain(command.summary);
    }
  }
});

test("groups and the program list their commands", async () => {
  expect((await cli("")).stdout).toContain("Common commands:\n  run ");
  expect((await cli("volume")).stdout).toMatch(/\n {2}prune +Remove volumes that no container uses\n/);
  expect((await cli("help network")).stdout).toContain("Usage:  isle network COMMAND");
});

test("no two flags of a command share a letter, and no two commands a name", async () => {
  const names = commandTable.flatMap(({ paths }) => paths);
  expect(names.length).toBe(new Set(names).size);
  for (const { paths, load } of commandTable) {
    const letters = Object.values((await load()).flags).flatMap(({ short }) => short ?? []);
    expect([paths[0], letters.length]).toEqual([paths[0], new Set(letters).size]);
  }
});

test("the reference has every command that is not hidden", async () => {
  const reference = await cliReference();
  expect(reference).toContain("## isle run\n");
  expect(reference).toContain("| `-d, --detach` |");
  expect(reference).not.toContain("__complete");
});

test("completion offers commands, flags and groups", async () => {
  expect((await cli("__complete ru")).stdout).toBe("run\tMake a container from an image and run it\n");
  expect((await cli("__complete network cr")).stdout).toBe("create\tMake a network\n");
  expect((await cli("__complete run --isol")).stdout).toStartWith("--isolation\t");
  expect((await cli("__complete cp ./")).stdout).toBe(":files\n");
  for (const shell of ["bash", "zsh", "fish"])
    expect((await cli(`completion ${shell}`)).stdout).toContain("__complete");
});

test("building where there is no Dockerfile says so", async () => {
  const { code, stderr } = await cli("build /nowhere-at-all");
  expect([code, stderr]).toEqual([1, expect.stringContaining("/nowhere-at-all")]);
});

test("compose without Compose says how to get it", async () => {
  const { code, stderr } = await cli("compose up -d --nosuch");
  expect([code, stderr]).toEqual([1, expect.stringContaining("apt-get install docker-compose")]);
});
