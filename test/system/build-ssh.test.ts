import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Containers } from "../support/containers.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { runscProgram, withRunsc } from "../support/runsc.ts";
import { Repository } from "../support/sources.ts";
import { copySshAdd, hasAgent, startAgent, type TestAgent } from "../support/ssh-agent.ts";

const withAgent = test.skipIf(!hasAgent());
if (!hasAgent()) console.log("SKIPPED builds with an SSH agent: there is no ssh-agent");

let daemon: TestDaemon;
let box: Containers;
let agent: TestAgent;
let context: string;
const directories: string[] = [];
beforeAll(async () => {
  if (!hasAgent()) return;
  const programs = mkdtempSync(join(tmpdir(), "isle-ssh-"));
  daemon = await startDaemon({ env: { PATH: `${programs}:${withRunsc().PATH}` } });
  directories.push(programs);
  box = new Containers(daemon.api);
  agent = await startAgent(daemon);
  context = join(daemon.directory, "context");
  mkdirSync(context);
  copySshAdd(join(context, "root"));
});
afterAll(async () => {
  await daemon?.stop();
  for (const directory of directories) rmSync(directory, { recursive: true });
});

const base = "FROM busybox\nCOPY root /\n";
const build = (steps: string, ...flags: string[]) => {
  writeFileSync(join(context, "Dockerfile"), base + steps);
  return daemon.cli(["build", "-t", "built", ...flags, context], {
    timeoutMs: 60_000,
    env: { SSH_AUTH_SOCK: agent.socket },
  });
};
const shown = (command: string): Promise<string> => box.output(command, { Image: "built" });

withAgent("a step signs with the client's agent, and no other step does", async () => {
  const { exitCode, stderr } = await build(
    [
      "RUN --mount=type=ssh ssh-add -l > /seen; echo $SSH_AUTH_SOCK >> /seen; stat -c %u:%g:%a $SSH_AUTH_SOCK >> /seen",
      "RUN --mount=type=ssh,id=second,target=/tmp/sock,mode=0666,uid=5,required ssh-add -l > /second; stat -c %u:%a /tmp/sock >> /second",
      "RUN echo none${SSH_AUTH_SOCK} > /none; ls /run/buildkit 2>&1 | wc -l >> /none",
      "",
    ].join("\n"),
    "--ssh",
    "default",
    "--ssh",
    `second=${agent.socket}`,
  );
  expect(exitCode, stderr).toBe(0);
  const [key, path, owner] = (await shown("cat /seen")).split("\n");
  expect(key).toContain(agent.fingerprint);
  expect([path, owner]).toEqual(["/run/buildkit/ssh_agent.0", "0:0:600"]);
  expect(await shown("cat /second")).toMatch(/SHA256.*\n5:666$/);
  expect((await shown("cat /none")).split("\n")[0]).toBe("none");
  expect(await shown("ls /tmp/sock /run/buildkit 2>/dev/null; true")).toBe("");
});

test.skipIf(!hasAgent() || !runscProgram)("a step in a sandbox signs with the client's agent", () =>
  signsIn("sandbox"),
);
withAgent("a step in a microVM signs with the client's agent", () => signsIn("microvm"));

/** Two agents, also several times at once, and no trace of the sockets is in the image. */
async function signsIn(isolation: string): Promise<void> {
  const step = [
    "ssh-add -l > /seen; stat -c %u:%g:%a $SSH_AUTH_SOCK /tmp/sock >> /seen",
    "test -S $SSH_AUTH_SOCK && SSH_AUTH_SOCK=/tmp/sock ssh-add -l",
    "for i in 1 2 3 4 5 6; do ssh-add -l & done; wait",
  ];
  const mounts = "--mount=type=ssh --mount=type=ssh,id=second,target=/tmp/sock,mode=0660,uid=5,gid=6,required";
  const { exitCode, stderr } = await build(
    `RUN ${mounts} ${step.join("; ")}\n`,
    ...["--isolation", isolation, "--no-cache", "--ssh", "default", "--ssh", `second=${agent.socket}`],
  );
  expect(exitCode, stderr).toBe(0);
  expect(stderr.split(agent.fingerprint)).toHaveLength(8);
  const [key, ...owners] = (await shown("cat /seen")).split("\n");
  expect(key).toContain(agent.fingerprint);
  expect(owners).toEqual(["0:0:600", "5:6:660"]);
  expect(await shown("ls -d /tmp/sock /run 2>/dev/null; true")).toBe("");
  expect(readdirSync(join(daemon.execRoot, "ssh"))).toEqual([]);
}

withAgent("connections come and go while a step runs, and none is left behind", async () => {
  const { exitCode, stderr } = await build(
    "RUN --mount=type=ssh for i in 1 2 3 4 5 6 7 8; do ssh-add -l & done; wait; ssh-add -l\n",
    "--ssh",
    "default",
    "--no-cache",
  );
  expect(exitCode, stderr).toBe(0);
  expect(stderr.split(agent.fingerprint)).toHaveLength(10);
  expect(readdirSync(join(daemon.execRoot, "ssh"))).toEqual([]);
});

withAgent("without an agent a step runs without, unless it requires one", async () => {
  expect((await build('RUN --mount=type=ssh test -z "$SSH_AUTH_SOCK"\n')).exitCode).toBe(0);
  const refused = await build("RUN --mount=type=ssh,required true\n");
  expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining("unset ssh forward key default")]);
  const other = await build("RUN --mount=type=ssh,id=other,required true\n", "--ssh", "default");
  expect([other.exitCode, other.stderr]).toEqual([1, expect.stringContaining("unset ssh forward key other")]);
  const unset = await daemon.cli(["build", "--ssh", "default", context], { env: { SSH_AUTH_SOCK: "" } });
  expect([unset.exitCode, unset.stderr]).toEqual([1, expect.stringContaining("SSH_AUTH_SOCK")]);
});

withAgent("an agent that does not answer fails what asks it, not the build's engine", async () => {
  const steps = "RUN --mount=type=ssh ssh-add -l; echo ended with $?\n";
  const { exitCode, stderr } = await build(steps, "--no-cache", "--ssh", `default=${daemon.directory}/nobody`);
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toMatch(/ended with [1-9]/);
});

withAgent("the key itself is nowhere but with the client", async () => {
  await build("RUN --mount=type=ssh ssh-add -l\n", "--no-cache", "--ssh", "default");
  const found = await daemon.inNamespaces(["grep", "-rlF", agent.secretLine, daemon.dataRoot, daemon.execRoot]);
  expect(found.stdout).toBe("");
});

withAgent("a repository over ssh is read with the client's agent", async () => {
  // In ssh's place: asks the agent, then does what the server would do.
  const program = join(directories[0]!, "ssh");
  writeFileSync(
    program,
    `#!/bin/sh\nssh-add -l >&2 || exit 255\necho "$@" > ${daemon.directory}/asked\nfor last; do :; done\nexec sh -c "$last"\n`,
  );
  chmodSync(program, 0o755);
  const repository = new Repository(daemon.directory, "app");
  repository.commit({ Dockerfile: "FROM busybox\nCOPY f /f\n", f: "over ssh" });
  const url = `git@host.example:${repository.bare}`;
  const env = { SSH_AUTH_SOCK: agent.socket };
  const given = await daemon.cli(["build", "-t", "built", "--ssh", "default", url], { env, timeoutMs: 60_000 });
  expect(given.exitCode, given.stderr).toBe(0);
  expect(await shown("cat /f")).toBe("over ssh");
  expect(await Bun.file(join(daemon.directory, "asked")).text()).toContain("-F /dev/null -o BatchMode=yes");
  const without = await daemon.cli(["build", url], { env });
  expect([without.exitCode, without.stderr]).toEqual([1, expect.stringContaining("git cannot read git@host.example")]);
  expect(readdirSync(join(daemon.execRoot, "ssh"))).toEqual([]);
});

withAgent("keys in files sign as an agent would, and stay with the client", async () => {
  const types = [["ed25519"], ["rsa", "-b", "2048"], ["ecdsa", "-b", "256"], ["ecdsa", "-b", "521"]];
  const keys = types.map((type, index) => ({ type, path: join(daemon.directory, "client", `file-${index}`) }));
  for (const { type, path } of keys) {
    await daemon.inNamespaces(["ssh-keygen", "-q", "-t", ...type, "-N", "", "-C", "in a file", "-f", path]);
    copyFileSync(`${path}.pub`, join(context, "root", `${basename(path)}.pub`));
  }
  const paths = keys.map(({ path }) => path).join(",");
  const steps =
    "RUN --mount=type=ssh ssh-add -l | wc -l; for i in 0 1 2 3; do ssh-add -T /file-$i.pub && echo key $i signs; done\n";
  const { exitCode, stderr } = await build(steps, "--no-cache", "--ssh", `default=${paths}`);
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toMatch(/^#3 \S+ 4$/m);
  for (const index of [0, 1, 2, 3]) expect(stderr).toContain(`key ${index} signs`);
  await daemon.inNamespaces([
    "ssh-keygen",
    "-q",
    "-t",
    "ed25519",
    "-N",
    "locked",
    "-f",
    join(daemon.directory, "locked"),
  ]);
  const locked = await build(steps, "--ssh", `default=${join(daemon.directory, "locked")}`);
  expect([locked.exitCode, locked.stderr]).toEqual([1, expect.stringContaining("add it to an agent with ssh-add")]);
});
