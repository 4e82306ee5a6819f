import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { readdirSync, renameSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { Containers } from "../support/containers.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";

let daemon: TestDaemon;
let box: Containers;
beforeAll(async () => {
  daemon = await startDaemon();
  box = new Containers(daemon.api);
});
afterEach(() => box.clear());
afterAll(() => daemon.stop());

test("a forced removal beside a start removes the container, whoever comes first", async () => {
  for (let i = 0; i < 8; i += 1) {
    const id = await box.create({ script: "exec sleep 1000" });
    const [, removed] = await Promise.all([
      daemon.api.request("POST", `/containers/${id}/start`),
      daemon.api.request("DELETE", `/containers/${id}`, { query: { force: true } }),
    ]);
    expect(removed.status).toBe(204);
    expect((await daemon.api.get(`/containers/${id}/json`)).status).toBe(404);
  }
});

test("of two containers that start with one port one wins, and the other can follow it", async () => {
  const HostConfig = { PortBindings: { "80/tcp": [{ HostPort: "18080" }] } };
  const ids = [await box.create({ script: "exec sleep 1000", HostConfig })];
  ids.push(await box.create({ script: "exec sleep 1000", HostConfig }));
  const answers = await Promise.all(ids.map((id) => daemon.api.request("POST", `/containers/${id}/start`)));
  expect(answers.map(({ status }) => status).sort()).toEqual([204, 500]);
  const winner = ids[answers.findIndex(({ status }) => status === 204)]!;
  const loser = ids.find((id) => id !== winner)!;
  await daemon.api.ok("DELETE", `/containers/${winner}`, { query: { force: true } });
  await daemon.api.ok("POST", `/containers/${loser}/start`);
});

test("a stop between two restarts holds", async () => {
  const HostConfig = { RestartPolicy: { Name: "always" as const } };
  const id = await box.start({ script: "exit 1", HostConfig });
  for (let i = 0; i < 10; i += 1) {
    await daemon.api.request("POST", `/containers/${id}/stop`);
    expect((await box.inspect(id)).State.Status).toBe("exited");
    await daemon.api.ok("POST", `/containers/${id}/start`);
  }
});

test("a network stays while a container starts on it", async () => {
  await daemon.api.ok("POST", "/networks/create", { json: { Name: "busy" } });
  const id = await box.create({ script: "exec sleep 1000", HostConfig: { NetworkMode: "busy" } });
  const [started, removed] = await Promise.all([
    daemon.api.request("POST", `/containers/${id}/start`),
    daemon.api.request("DELETE", "/networks/busy"),
  ]);
  expect([started.status, removed.status]).toBeOneOf([
    [204, 403],
    [404, 204],
  ]);
});

test("a bridge that is deleted and rules that are flushed are there again at the next start", async () => {
  await daemon.inNamespaces(["ip", "link", "del", "isle0"]);
  await daemon.inNamespaces(["nft", "flush", "ruleset"]);
  const HostConfig = { PortBindings: { "80/tcp": [{ HostPort: "18081" }] } };
  await box.start({ script: "echo there | nc -l -p 80; exec sleep 1000", HostConfig });
  const rules = await daemon.inNamespaces(["nft", "list", "ruleset"]);
  expect(rules.stdout).toContain("18081");
  expect((await daemon.inNamespaces(["ip", "link", "show", "isle0"])).stdout).toContain("UP");
});

test("a container whose supervisor lost its files can be ended and removed, and others run after it", async () => {
  const lost = await box.start({ script: "exec sleep 1000" });
  rmSync(join(daemon.dataRoot, "instances", lost), { recursive: true });
  rmSync(join(daemon.execRoot, "exits"), { recursive: true });
  await daemon.api.ok("POST", `/containers/${lost}/kill`);
  expect((await box.inspect(lost)).State.ExitCode).toBe(137);
  expect((await box.finish({ script: "exit 4" })).exitCode).toBe(4);
});

test("namespaces kept ready that somebody removed are not used", async () => {
  const directory = join(daemon.execRoot, "netns");
  const names = readdirSync(directory);
  for (const name of names) await daemon.inNamespaces(["umount", join(directory, name)]);
  expect((await box.finish({ script: "ip -4 addr show eth0 | grep -q inet" })).exitCode).toBe(0);
});

test("a missing layer is told by its name, and the container starts once it is back", async () => {
  const id = await box.create({ script: "exit 0" });
  const layers = join(daemon.dataRoot, "layers");
  const [name = ""] = readdirSync(layers);
  renameSync(join(layers, name), join(daemon.directory, "away"));
  const refused = await daemon.api.request("POST", `/containers/${id}/start`);
  renameSync(join(daemon.directory, "away"), join(layers, name));
  expect([refused.status, refused.json.message]).toEqual([
    500,
    expect.stringContaining(`layer sha256:${name} is missing`),
  ]);
  await daemon.api.ok("POST", `/containers/${id}/start`);
});

test("a bridge is not taken from anybody, and its name is nothing but a name", async () => {
  const named = (bridge: string) =>
    daemon.api.post("/networks/create", {
      json: { Name: "taken", Options: { "com.docker.network.bridge.name": bridge } },
    });
  expect((await named("lo")).status).toBe(409);
  expect((await named("isle0")).status).toBe(409);
  expect((await named(`x" drop`)).status).toBe(400);
});

const headOf = (method: string, path: string): string =>
  `${method} ${path} HTTP/1.1\r\nHost: isle\r\nContent-Length: 0\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`;

test("a client that closes its input and then vanishes leaves no file open", async () => {
  const id = await box.start({ OpenStdin: true, script: "exec sleep 1000" });
  const openFiles = () => readdirSync(`/proc/${daemon.pid()}/fd`).length;
  const before = openFiles();
  const sockets = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const socket = connect({ path: daemon.socket, allowHalfOpen: true });
      socket.end(headOf("POST", `/containers/${id}/attach?stream=1&stdin=1&stdout=1`));
      await new Promise<void>((resolve) => socket.once("data", () => resolve()));
      return socket;
    }),
  );
  expect(openFiles()).toBeGreaterThanOrEqual(before + 20);
  for (const socket of sockets) socket.destroy();
  while (openFiles() > before + 2) await daemon.api.ok("GET", "/_ping");
});

test("a health probe that takes too long is ended", async () => {
  const Healthcheck = { Test: ["CMD", "sleep", "777"], Interval: 50e6, Timeout: 100e6, Retries: 3 };
  const id = await box.start({ script: "exec sleep 1000", Healthcheck });
  const stream = await daemon.api.stream("GET", "/events", {
    query: { filters: JSON.stringify({ container: [id], event: ["health_status"] }), since: 1 },
  });
  await stream.lines.next();
  stream.close();
  const { Processes } = await daemon.api.ok("GET", `/containers/${id}/top`);
  expect(Processes.filter((row: string[]) => row.at(-1)!.includes("777")).length).toBeLessThan(3);
});

test("the daemon ends at once though clients listen, and its containers go on", async () => {
  const id = await box.start({ script: "exec sleep 1000" });
  const listening = [
    daemon.api.request("POST", `/containers/${id}/wait`).catch(() => undefined),
    daemon.api.request("GET", "/events").catch(() => undefined),
    daemon.api
      .request("GET", `/containers/${id}/logs`, { query: { follow: true, stdout: true } })
      .catch(() => undefined),
  ];
  await daemon.api.ok("GET", "/_ping");
  const begin = performance.now();
  await daemon.restart();
  expect(performance.now() - begin).toBeLessThan(3_000);
  await Promise.all(listening);
  expect((await box.inspect(id)).State.Running).toBe(true);
});

test("nothing of this was a fault in the daemon", () => {
  expect(daemon.log()).not.toContain("a fault in the daemon");
});
