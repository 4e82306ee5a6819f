// What test suites do with Testcontainers, against the daemon that DOCKER_HOST names; run by Node itself.
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import Docker from "dockerode";
import { GenericContainer, Network, Wait } from "testcontainers";

const server = [
  "sh",
  "-c",
  "mkdir -p /www; echo served > /www/index.html; httpd -p 80 -h /www && echo ready; exec sleep 1000",
];
const box = () => new GenericContainer("busybox");
const web = () => box().withCommand(server).withExposedPorts(80);

const fetched = async (container, path = "/") => {
  const answer = await fetch(`http://${container.getHost()}:${container.getMappedPort(80)}${path}`);
  return [answer.status, await answer.text()];
};

for (const [name, strategy] of [
  ["listening ports", () => Wait.forListeningPorts()],
  ["an HTTP answer", () => Wait.forHttp("/", 80).forStatusCode(200)],
  ["a line of the log", () => Wait.forLogMessage("ready")],
  ["a command", () => Wait.forSuccessfulCommand("wget -qO- http://127.0.0.1:80/")],
  ["all of several", () => Wait.forAll([Wait.forListeningPorts(), Wait.forLogMessage(/read./)])],
]) {
  test(`a server is started and waited for by ${name}`, async () => {
    const container = await web().withWaitStrategy(strategy()).start();
    assert.deepEqual(await fetched(container), [200, "served\n"]);
    await container.stop();
  });
}

test("a health check is waited for", async () => {
  const container = await web()
    .withHealthCheck({ test: ["CMD-SHELL", "wget -qO- http://127.0.0.1:80/"], interval: 200, retries: 100 })
    .withWaitStrategy(Wait.forHealthCheck())
    .start();
  assert.deepEqual(await fetched(container), [200, "served\n"]);
  await container.stop();
});

test("a container that does one thing is waited for to its end", async () => {
  const container = await box().withCommand(["true"]).withWaitStrategy(Wait.forOneShotStartup()).start();
  await container.stop();
});

test("one that does not come up fails with the reason", async () => {
  const started = box()
    .withCommand(["sleep", "1000"])
    .withStartupTimeout(500)
    .withWaitStrategy(Wait.forLogMessage("never"))
    .start();
  await assert.rejects(started, /"never" not received after 500ms/);
});

test("containers on a network find each other by alias", async () => {
  const network = await new Network().start();
  const one = await web().withNetwork(network).withNetworkAliases("shop", "store").start();
  const other = await box().withCommand(["sleep", "1000"]).withNetwork(network).start();
  for (const alias of ["shop", "store"]) {
    const { output, exitCode } = await other.exec(["wget", "-qO-", `http://${alias}/`]);
    assert.deepEqual([output, exitCode], ["served\n", 0]);
  }
  assert.match(one.getIpAddress(network.getName()), /^\d+\.\d+\.\d+\.\d+$/);
  await Promise.all([one.stop(), other.stop()]);
  await network.stop();
});

test("files are copied in before and after the start, and out as an archive", async () => {
  const container = await web()
    .withCopyContentToContainer([{ content: "before\n", target: "/before", mode: 0o640 }])
    .withCopyFilesToContainer([{ source: import.meta.filename ?? process.argv[1], target: "/program" }])
    .start();
  await container.copyContentToContainer([{ content: "after\n", target: "/www/after" }]);
  assert.deepEqual(await fetched(container, "/after"), [200, "after\n"]);
  const { output } = await container.exec(["sh", "-c", "cat /before; stat -c %a /before; wc -l < /program"]);
  assert.match(output, /^before\n640\n\d{2,}\n$/);
  const archive = await text(await container.copyArchiveFromContainer("/before"));
  assert.match(archive, /before\n/);
  await container.stop();
});

test("commands run with a directory, a user and variables, and tell their output apart", async () => {
  const container = await web().withEnvironment({ PLACE: "here" }).start();
  const { stdout, stderr, exitCode } = await container.exec(
    ["sh", "-c", "echo $PLACE $MORE; pwd; id -u; echo bad >&2; exit 4"],
    { workingDir: "/tmp", user: "1000:1000", env: { MORE: "there" } },
  );
  assert.deepEqual([stdout, stderr, exitCode], ["here there\n/tmp\n1000\n", "bad\n", 4]);
  await container.stop();
});

test("logs are read while it runs and after a restart", async () => {
  const container = await web().start();
  const first = await container.logs();
  await new Promise((resolve) => first.on("data", (line) => line.includes("ready") && resolve()));
  first.destroy();
  await container.restart();
  assert.deepEqual(await fetched(container), [200, "served\n"]);
  await container.stop();
});

test("an image is built and started", async () => {
  const context = join(import.meta.dirname ?? dirname(process.argv[1]), "context");
  const image = await GenericContainer.fromDockerfile(context).withBuildArgs({ GREETING: "built" }).build();
  const container = await image.withExposedPorts(80).start();
  assert.deepEqual(await fetched(container), [200, "from the context\nbuilt\n"]);
  await container.stop();
  const again = GenericContainer.fromDockerfile(context).withBuildArgs({ GREETING: "by BuildKit" }).withBuildkit();
  const second = await (await again.build()).withExposedPorts(80).start();
  assert.deepEqual(await fetched(second), [200, "from the context\nby BuildKit\n"]);
  await second.stop();
});

test("mounts, limits, labels and privileges are as asked for", async () => {
  const container = await web()
    .withTmpFs({ "/fast": "rw,size=1m" })
    .withLabels({ suite: "testcontainers" })
    .withResourcesQuota({ memory: 0.125, cpu: 1 })
    .withAddedCapabilities("NET_ADMIN")
    .withDroppedCapabilities("CHOWN")
    .withExtraHosts([{ host: "elsewhere.example", ipAddress: "192.0.2.9" }])
    .withUlimits({ nofile: { soft: 512, hard: 1024 } })
    .withHostname("named")
    .start();
  const script =
    "grep -c ' /fast tmpfs' /proc/mounts; ulimit -n; hostname; grep -c 192.0.2.9 /etc/hosts; touch x; chown 1 x";
  const { output } = await container.exec(["sh", "-c", script]);
  assert.match(output, /^1\n512\nnamed\n1\n.*not permitted/s);
  assert.equal(container.getLabels().suite, "testcontainers");
  await container.stop();
});

test("a stopped container that is not removed can still be looked into", async () => {
  const container = await web().withAutoRemove(false).start();
  const stopped = await container.stop({ remove: false });
  const archive = await text(await stopped.copyArchiveFromContainer("/www/index.html"));
  assert.match(archive, /served/);
  await new Docker().getContainer(stopped.getId()).remove();
});
