import { afterAll, beforeAll, expect, test } from "bun:test";
import { globSync, rmdirSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { isErrno } from "../../src/base/error.ts";
import { findProgram } from "../../src/os/find-program.ts";
import type { ApiReply } from "../support/api-client.ts";
import { writeContext } from "../support/context-files.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { eventually } from "../support/leaks.ts";
import { archiveOf } from "./archive-corpus.ts";

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
  await daemon.api.ok("POST", "/images/busybox/tag", { query: { repo: "127.0.0.1:1/base", tag: "latest" } });
}, 60_000);
afterAll(async () => {
  await daemon.stop();
  // A group that a user names is the user's to remove.
  const groups = globSync(["/sys/fs/cgroup/isle-kin", "/sys/fs/cgroup/*/isle-kin"]);
  await eventually(
    async () => groups.filter((group) => !removed(group)),
    (left) => expect(left).toEqual([]),
    20_000,
  );
}, 60_000);

/** The kernel may still have a group below it for a moment. */
function removed(group: string): boolean {
  try {
    rmdirSync(group);
    return true;
  } catch (error) {
    return isErrno(error, "ENOENT");
  }
}

type Parameters = Readonly<Record<string, string | number | boolean>>;

function post(dockerfile: string, query: Parameters): Promise<ApiReply> {
  const body = archiveOf(
    { name: "Dockerfile", body: dockerfile },
    { name: "other", body: "FROM busybox\nLABEL other=1\n" },
  );
  return daemon.api.request("POST", "/build", { query, body, headers: { "Content-Type": "application/x-tar" } });
}

/** What the build says, line by line, a failure among it. */
async function says(dockerfile: string, query: Parameters): Promise<string> {
  const { status, text } = await post(dockerfile, query);
  if (status !== 200) return `${status} ${text}`;
  const lines = text.split("\n").filter(Boolean);
  return lines
    .map((line) => JSON.parse(line))
    .map(({ stream = "", error = "" }) => stream + error)
    .join("");
}

const inspect = (name: string) => daemon.api.ok("GET", `/images/${name}/json`);
const limit = (old: string, now: string): string =>
  `FROM busybox\nRUN cat /sys/fs/cgroup/${old} 2>/dev/null || cat /sys/fs/cgroup/${now}\n`;
const plain = "FROM busybox\nRUN date +%N > /when\n";

interface Row {
  readonly parameters: readonly string[];
  /** In words, as it stands in the title. */
  readonly does: string;
  readonly query: Parameters;
  readonly dockerfile?: string;
  /** What is among the build's words. */
  readonly says: string | RegExp;
}

const megabyte = 1 << 20;
const acting: readonly Row[] = [
  {
    ...{ parameters: ["dockerfile", "t"], does: "choose the Dockerfile and name the image" },
    ...{ query: { dockerfile: "other", t: "chosen:1" }, says: /LABEL other=1[\s\S]*Successfully tagged chosen:1\n/ },
  },
  {
    ...{ parameters: ["extrahosts"], does: "adds lines to /etc/hosts", query: { extrahosts: "name.test:10.1.2.3" } },
    ...{ dockerfile: "FROM busybox\nRUN grep name.test /etc/hosts\n", says: /10\.1\.2\.3\s+name\.test/ },
  },
  { parameters: ["q"], does: "says the image's id alone", query: { q: true }, says: /^sha256:[a-f0-9]{64}\n$/ },
  { parameters: ["nocache"], does: "runs every step", query: { nocache: true }, says: /^(?![\s\S]*Using cache)/ },
  {
    ...{ parameters: ["pull"], does: "looks for a newer base", query: { pull: true } },
    ...{ dockerfile: "FROM 127.0.0.1:1/base\n", says: /127\.0\.0\.1:1/ },
  },
  {
    ...{ parameters: ["rm", "forcerm"], does: "have nothing to act on, which is told", query: { rm: false } },
    says: "[Warning] rm=false has no effect: steps leave no containers behind\n",
  },
  {
    ...{ parameters: ["memory"], does: "limits the memory of a step", query: { memory: 32 * megabyte } },
    ...{ dockerfile: limit("memory/memory.limit_in_bytes", "memory.max"), says: `\n${32 * megabyte}\n` },
  },
  {
    ...{
      parameters: ["memswap"],
      does: "limits memory and swap",
      query: { memory: 32 * megabyte, memswap: 48 * megabyte },
    },
    dockerfile: limit("memory/memory.memsw.limit_in_bytes", "memory.swap.max"),
    says: new RegExp(`\n(${48 * megabyte}|${16 * megabyte})\n`),
  },
  {
    ...{ parameters: ["cpushares"], does: "weighs a step's processor time", query: { cpushares: 512 } },
    ...{ dockerfile: limit("cpu/cpu.shares", "cpu.weight"), says: /\n(512|20)\n/ },
  },
  {
    ...{ parameters: ["cpuperiod", "cpuquota"], does: "limit a step's processor time" },
    ...{ query: { cpuperiod: 50_000, cpuquota: 10_000 }, says: /\n10000( 50000)?\n/ },
    dockerfile: limit("cpu/cpu.cfs_quota_us", "cpu.max"),
  },
  {
    ...{ parameters: ["cpusetcpus"], does: "chooses processors", query: { cpusetcpus: "0" } },
    ...{ dockerfile: "FROM busybox\nRUN grep Cpus_allowed_list /proc/self/status\n", says: /Cpus_allowed_list:\s+0\n/ },
  },
  {
    ...{ parameters: ["cpusetmems"], does: "chooses memory nodes", query: { cpusetmems: "0" } },
    ...{ dockerfile: limit("cpuset/cpuset.mems", "cpuset.mems"), says: "\n0\n" },
  },
  {
    ...{
      parameters: ["cgroupparent"],
      does: "says where the steps' control groups lie",
      query: { cgroupparent: "/isle-kin" },
    },
    // Where groups have namespaces, a step sees none of those above.
    ...{ dockerfile: "FROM busybox\nRUN cat /proc/self/cgroup\n", says: /\/isle-kin\/|^0::\/$/m },
  },
  {
    ...{ parameters: ["shmsize"], does: "sets the size of /dev/shm", query: { shmsize: 3 * megabyte } },
    ...{ dockerfile: "FROM busybox\nRUN df -k /dev/shm\n", says: /\s3072\s/ },
  },
  {
    ...{ parameters: ["ulimits"], does: "sets limits of processes" },
    query: { ulimits: JSON.stringify([{ Name: "nofile", Soft: 77, Hard: 88 }]) },
    ...{ dockerfile: "FROM busybox\nRUN ulimit -Sn && ulimit -Hn\n", says: "\n77\n88\n" },
  },
  {
    ...{ parameters: ["buildargs", "target"], does: "set arguments and end at a stage" },
    query: { buildargs: JSON.stringify({ word: "given" }), target: "first" },
    dockerfile: "FROM busybox AS first\nARG word\nRUN echo $word\nFROM busybox\nRUN false\n",
    says: "\ngiven\n",
  },
  {
    ...{ parameters: ["networkmode"], does: "chooses the network", query: { networkmode: "none" } },
    ...{ dockerfile: "FROM busybox\nRUN ls /sys/class/net\n", says: /ls \/sys\/class\/net\n\s*lo\n(?! *eth)/ },
  },
  {
    ...{ parameters: ["isolation", "version", "outputs"], does: "take what is the rule anyhow" },
    query: { isolation: "default", version: "1", outputs: JSON.stringify([{ Type: "moby", Attrs: {} }]) },
    says: "Successfully built",
  },
];

for (const { parameters, does, query, dockerfile = plain, says: expected } of acting) {
  test(`POST /build: ${parameters.join(" and ")} ${does}`, async () => {
    const said = await says(dockerfile, query);
    if (typeof expected === "string") expect(said).toContain(expected);
    else expect(said).toMatch(expected);
  });
}

test("POST /build: labels and platform are of the image", async () => {
  await says("FROM scratch\nCOPY other /\n", {
    t: "labelled",
    platform: "linux/arm64",
    labels: JSON.stringify({ a: "b" }),
  });
  const { Architecture, Config } = await inspect("labelled");
  expect([Architecture, Config.Labels]).toEqual(["arm64", { a: "b" }]);
});

const refused: ReadonlyArray<readonly [query: Parameters, status: number, message: string]> = [
  [{ squash: true }, 501, "squashing"],
  [{ version: "2", remote: "upload-request" }, 501, "building from upload-request"],
  [{ version: "3" }, 400, "invalid version: 3"],
  [{ securityopt: '["seccomp=unconfined"]' }, 400, "security options"],
  [{ isolation: "hyperv" }, 400, "invalid isolation: hyperv"],
  [{ outputs: '[{"Type":"local","Attrs":{"dest":"/x"}}]' }, 501, "other outputs than an image"],
  [{ outputs: '[{"Type":"unknown"}]' }, 400, "could not be found"],
  [{ remote: "client-session" }, 501, "building from client-session"],
  [{ memory: 1 }, 400, "Minimum memory limit"],
  [{ memory: "much" }, 400, "invalid value for memory"],
  [{ cpusetcpus: "99" }, 400, "99"],
  [{ cpuperiod: 1 }, 400, "CPU cfs period"],
  [{ cgroupparent: "../up" }, 400, "invalid cgroup parent"],
  [{ extrahosts: "a b" }, 400, "add-host"],
  [{ ulimits: '{"nofile":1}' }, 400, "invalid value for ulimits"],
  [{ ulimits: '[{"Name":"nofile"}]' }, 400, "invalid value for ulimits"],
  [{ cachefrom: '"busybox"' }, 400, "invalid value for cachefrom"],
  [{ networkmode: "nowhere" }, 400, "network nowhere not found"],
  [{ buildargs: "[]" }, 400, "invalid value for buildargs"],
  [{ platform: "what/ever/this/is" }, 400, "platform"],
];

for (const [query, status, message] of refused) {
  test(`POST /build refuses ${JSON.stringify(query)}`, async () => {
    const reply = await post(plain, query);
    expect([reply.status, reply.text]).toEqual([status, expect.stringContaining(message)]);
  });
}

test("POST /build: cachefrom takes an image that is here, and tells of names that are nowhere", async () => {
  const dockerfile = "FROM busybox\nARG word=one\nRUN date +%N > /when\n";
  writeContext(join(daemon.directory, "context"), { Dockerfile: dockerfile });
  const made = await daemon.cli([
    "build",
    "-t",
    "source",
    "--cache-to",
    "type=inline",
    join(daemon.directory, "context"),
  ]);
  expect(made.exitCode, made.stderr).toBe(0);
  const layers = (await inspect("source")).RootFS.Layers;
  await daemon.cli(["builder", "prune", "-af"]);
  expect(await says(dockerfile, { t: "without" })).not.toContain("Using cache");
  expect((await inspect("without")).RootFS.Layers).not.toEqual(layers);
  await daemon.cli(["builder", "prune", "-af"]);
  const cachefrom = JSON.stringify(["127.0.0.1:1/nowhere", "", "busybox", "source"]);
  const said = await says(dockerfile, { t: "taken", cachefrom });
  expect(said).toMatch(/\[Warning\] importing cache from 127\.0\.0\.1:1\/nowhere: /);
  expect(said).toContain("Using cache");
  expect((await inspect("taken")).RootFS.Layers).toEqual(layers);
  await daemon.cli(["builder", "prune", "-af"]);
  const byId = JSON.stringify([(await inspect("source")).Id]);
  await says(dockerfile, { t: "by-id", cachefrom: byId });
  expect((await inspect("by-id")).RootFS.Layers).toEqual(layers);
  // isle's own client, whose word for it is a registry, gets the image that is here, too.
  await daemon.cli(["tag", "source", "127.0.0.1:1/here"]);
  await daemon.cli(["builder", "prune", "-af"]);
  const context = join(daemon.directory, "context");
  const own = await daemon.cli(["build", "-t", "own", "--cache-from", "type=registry,ref=127.0.0.1:1/here", context]);
  expect(own.exitCode, own.stderr).toBe(0);
  expect((await inspect("own")).RootFS.Layers).toEqual(layers);
});

test("isle build gives its flags for steps on", async () => {
  const context = join(daemon.directory, "isle-flags");
  const cgroups = "cat /proc/self/cgroup; cat /sys/fs/cgroup/cpu/cpu.shares /sys/fs/cgroup/cpu.weight 2>/dev/null";
  writeContext(context, {
    Dockerfile: `FROM busybox\nRUN df -k /dev/shm; ulimit -Sn; grep Cpus_allowed_list /proc/self/status; ${cgroups}; true\n`,
  });
  const limits = [
    "--shm-size",
    "3m",
    "--ulimit",
    "nofile=77:88",
    "--cpuset-cpus",
    "0",
    "-c",
    "512",
    "--rm",
    "--compress",
  ];
  const more = ["--cgroup-parent", "/isle-kin", "-m", "64m", "--memory-swap", "-1", "--cpu-quota", "10000"];
  const { exitCode, stderr } = await daemon.cli(["build", ...limits, ...more, context]);
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toMatch(/ 3072 [\s\S]* 77\n[\s\S]*Cpus_allowed_list:\s+0\n/);
  expect(stderr).toMatch(/\/isle-kin\/|0::\/$/m);
  expect(stderr).toMatch(/ (512|20)$/m);
  const refused = await daemon.cli(["build", "--ulimit", "sticks=1", context]);
  expect([refused.exitCode === 0, refused.stderr]).toEqual([
    false,
    expect.stringContaining("invalid ulimit type: sticks"),
  ]);
});

test.skipIf(!findProgram("docker"))("docker's client gives its classic flags on", async () => {
  const context = join(daemon.directory, "flags");
  writeContext(context, { Dockerfile: "FROM busybox\nRUN df -k /dev/shm; ulimit -Sn; grep far /etc/hosts\n" });
  const flags = ["--cgroup-parent", "/isle-kin", "--cpuset-cpus", "0", "--cpuset-mems", "0", "-c", "512", "--force-rm"];
  const more = [
    "--shm-size",
    "3m",
    "--ulimit",
    "nofile=77:88",
    "--add-host",
    "far:10.9.8.7",
    "--cache-from",
    "busybox",
  ];
  const limits = ["-m", "64m", "--memory-swap", "-1", "--cpu-period", "50000", "--cpu-quota", "10000", "--compress"];
  const env = { DOCKER_BUILDKIT: "0" };
  const { exitCode, stdout, stderr } = await daemon.docker(["build", ...flags, ...more, ...limits, context], { env });
  expect(exitCode, stderr).toBe(0);
  expect(stdout).toMatch(/ 3072 [\s\S]*\n77\n10\.9\.8\.7\s+far\n/);
  const refusal = await daemon.docker(["build", "--security-opt", "x", context], { env });
  expect([refusal.exitCode, refusal.stderr]).toEqual([1, expect.stringContaining("security options")]);
});

/** Asks over an agent's connection, the body in chunks; tells the status, and whether the connection was one from before. */
function ask(agent: Agent, method: string, path: string, body = ""): Promise<[status: number, isReused: boolean]> {
  return new Promise((resolve, reject) => {
    const headers = body === "" ? {} : { "Transfer-Encoding": "chunked" };
    const sent = request({ socketPath: daemon.socket, agent, method, path, headers }, (response) => {
      response.resume().once("end", () => resolve([response.statusCode!, sent.reusedSocket]));
    });
    sent.once("error", reject).end(body);
  });
}

test("a client whose body was refused, read or unread, goes on over the same connection", async () => {
  const { Id } = await daemon.api.ok("POST", "/containers/create", { json: { Image: "busybox" } });
  const refusals = [
    ["POST", "/build?version=3"],
    ["PUT", `/containers/${Id}/archive?path=/missing`],
  ] as const;
  const body = archiveOf({ name: "f", body: "x".repeat(1000) }).toString("latin1");
  const answers = refusals.map(async ([method, path]) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const [status] = await ask(agent, method, path, body);
    // Longer than a body that is refused is waited for.
    await Bun.sleep(1500);
    const after = await ask(agent, "GET", "/_ping");
    agent.destroy();
    return [status, after];
  });
  expect(await Promise.all(answers)).toEqual([
    [400, [200, true]],
    [404, [200, true]],
  ]);
});
