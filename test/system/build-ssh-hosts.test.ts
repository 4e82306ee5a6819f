import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "../../src/os/find-program.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { debianBuildx, installBuildx } from "../support/docker-plugins.ts";
import { Repository } from "../support/sources.ts";
import { hasAgent, startAgent, type TestAgent } from "../support/ssh-agent.ts";
import { addLogin, giveToLogin, hasSshServer, type SshServer, startSshServer } from "../support/ssh-server.ts";

const isPossible = hasAgent() && hasSshServer();
const withServer = test.skipIf(!isPossible);
if (!isPossible)
  console.log("SKIPPED repositories over ssh: there is no ssh-agent, git or sshd (tools/setup.sh --tests)");

let daemon: TestDaemon;
let agent: TestAgent;
let server: SshServer;
let url: string;
/** What the configuration calls the keys of hosts that all builds know. */
let shared: string;
beforeAll(async () => {
  if (!isPossible) return;
  daemon = await startDaemon({
    prepare: async (made) => {
      shared = join(made.directory, "known");
      writeFileSync(shared, "");
      writeFileSync(join(made.directory, "daemon.json"), JSON.stringify({ "ssh-known-hosts": shared }));
      await addLogin(made);
    },
  });
  agent = await startAgent(daemon);
  server = await startSshServer(daemon, readFileSync(join(daemon.directory, "client", "key.pub"), "utf8"));
  const repository = new Repository(daemon.directory, "app");
  repository.commit({ Dockerfile: "FROM busybox\nCOPY f /f\nRUN cat /f\n", f: "over ssh\n" });
  giveToLogin(repository.bare);
  url = `ssh://git@${server.host}:${server.port}${repository.bare}`;
});
afterAll(async () => {
  await server?.stop();
  await daemon?.stop();
});

const build = (...args: string[]) =>
  daemon.cli(["build", "--progress", "plain", "--no-cache", "--ssh", "default", ...args], {
    timeoutMs: 60_000,
    env: { SSH_AUTH_SOCK: agent.socket },
  });

function secretOf(text: string): string[] {
  const file = join(daemon.directory, "given");
  writeFileSync(file, text);
  return ["--secret", `id=GIT_SSH_KNOWN_HOSTS,src=${file}`];
}

/** A context whose Dockerfile takes the repository twice, as a context does once more. */
function adding(): string {
  const context = join(daemon.directory, "context");
  mkdirSync(context, { recursive: true });
  const steps = ["FROM busybox", `ADD ${url} /one`, `ADD ${url}#main /two`, "RUN cat /one/f /two/f"];
  writeFileSync(join(context, "Dockerfile"), `${steps.join("\n")}\n`);
  return context;
}

withServer("a host that nobody knows is trusted once in a build, which tells the key", async () => {
  const { exitCode, stderr } = await build(url);
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toContain("over ssh");
  const told = `host key ${server.fingerprint} of [127.0.0.1]:2222 trusted`;
  expect(stderr.split(told)).toHaveLength(2);
  const added = await build(adding());
  expect(added.exitCode, added.stderr).toBe(0);
  expect(added.stderr.split(told)).toHaveLength(2);
  expect(readdirSync(join(daemon.dataRoot, "builds")).filter((name) => name.startsWith("hosts-"))).toEqual([]);
});

withServer("a host whose key was given is trusted without a word", async () => {
  const secret = secretOf(server.knownHost);
  const { exitCode, stderr } = await build(...secret, url);
  expect(exitCode, stderr).toBe(0);
  expect(stderr).not.toContain("trusted");
});

const hasBuildx = existsSync(debianBuildx) && findProgram("docker") !== undefined;
test.skipIf(!isPossible || !hasBuildx)("BuildKit's client is told of the host it trusts, too", async () => {
  installBuildx(daemon, debianBuildx);
  const env = { DOCKER_BUILDKIT: "1", SSH_AUTH_SOCK: agent.socket };
  const build = (...flags: string[]) =>
    daemon.docker(["build", "--progress", "plain", "--ssh", "default", ...flags, adding()], { env, timeoutMs: 60_000 });
  const first = await build();
  expect(first.exitCode, first.stderr).toBe(0);
  expect(first.stderr).toContain(`host key ${server.fingerprint} of [127.0.0.1]:2222 trusted`);
  const given = await build("--no-cache", ...secretOf(server.knownHost));
  expect(given.exitCode, given.stderr).toBe(0);
  expect(given.stderr).not.toContain("trusted");
});

withServer("a key that is not the one given is refused, and so is a host that is not among those given", async () => {
  const other = join(daemon.directory, "other-host");
  await daemon.inNamespaces(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", other]);
  const wrong = `[127.0.0.1]:2222 ${readFileSync(`${other}.pub`, "utf8")}`;
  for (const known of [wrong, wrong.replace("127.0.0.1", "elsewhere.example")]) {
    const { exitCode, stderr } = await build(...secretOf(known), url);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("Host key verification failed")]);
    expect(stderr).toContain("a secret GIT_SSH_KNOWN_HOSTS says which it is");
  }
});

withServer(
  "the file of the configuration holds for all builds, and a server that changes its key is refused",
  async () => {
    writeFileSync(shared, server.knownHost);
    const known = await build(url);
    expect(known.exitCode, known.stderr).toBe(0);
    expect(known.stderr).not.toContain("trusted");
    await server.changeKey();
    const { exitCode, stderr } = await build(url);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("Host key verification failed")]);
  },
);

withServer("who has no key of the login's is refused by the server", async () => {
  writeFileSync(shared, "");
  const { exitCode, stderr } = await daemon.cli(["build", url]);
  expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/git cannot read .*Permission denied/)]);
});
