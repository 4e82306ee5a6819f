import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { Containers } from "../support/containers.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { clearNetworks, userNetwork } from "../support/networks.ts";
import { type OtherMachine, otherMachine, webGet, webServer } from "../support/other-machine.ts";

let daemon: TestDaemon;
let box: Containers;
let other: OtherMachine;
beforeAll(async () => {
  daemon = await startDaemon();
  box = new Containers(daemon.api);
  other = await otherMachine(daemon);
});
afterEach(async () => {
  await box.clear();
  await clearNetworks(daemon.api);
});
afterAll(() => daemon.stop());

const isle = async (...args: string[]): Promise<string> => {
  const { exitCode, stdout, stderr } = await daemon.cli(args);
  if (exitCode !== 0) throw new Error(stderr);
  return stdout;
};
const here = async (script: string): Promise<string> => (await daemon.inNamespaces(["bash", "-c", script])).stdout;
const portsOf = async (id: string) => (await box.inspect(id)).NetworkSettings.Ports;

test("ports are published and taken back while the instance runs, and stay so over a restart", async () => {
  const id = await box.start({ name: "web", script: webServer("late") });
  expect(await isle("port", "add", "web", "19001:80", "127.0.0.1:19002:80")).toBe(
    "80/tcp -> 0.0.0.0:19001\n80/tcp -> 127.0.0.1:19002\n",
  );
  expect(await other.run(webGet(other.near, 19001))).toBe("late\n");
  expect(await here(webGet("127.0.0.1", 19002))).toBe("late\n");
  await daemon.restart();
  expect(await other.run(webGet(other.near, 19001))).toBe("late\n");
  await isle("port", "rm", "web", "19001:80");
  expect(await other.run(webGet(other.near, 19001, 1))).toBe("");
  expect(await here(webGet("127.0.0.1", 19002))).toBe("late\n");
  await daemon.api.ok("POST", `/containers/${id}/restart`, { query: { t: 1 } });
  expect(await portsOf(id)).toEqual({ "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "19002" }] });
  await isle("port", "rm", "web", "80");
  expect(await portsOf(id)).toEqual({});
  expect((await daemon.cli(["port", "rm", "web", "80"])).stderr).toContain("publishes no such port");
});

test("the list of what is exposed says from where", async () => {
  await userNetwork(daemon.api, "app", { Labels: { "isle.policy.default": "deny" } });
  const PortBindings = { "80/tcp": [{ HostPort: "19020" }], "81/tcp": [{ HostIp: "127.0.0.1", HostPort: "19021" }] };
  await box.idle({ name: "web", HostConfig: { NetworkMode: "app", PortBindings } });
  await box.idle({ name: "bare", HostConfig: { NetworkMode: "host" } });
  const shown = await isle("network", "exposure", "--format", "{{.Container}}|{{.Port}}|{{.At}}|{{.From}}|{{.Limits}}");
  const lines = shown.trim().split("\n");
  expect(lines).toContain("web|80/tcp|0.0.0.0:19020|everywhere|");
  expect(lines).toContain("web|81/tcp|127.0.0.1:19021|this machine|");
  expect(lines).toContain("bare|all|the machine's addresses|everywhere|");
  expect(shown).toMatch(/web\|all\|[0-9.]+\|network app\|policy: 0 rules, else deny/);
});

test("a port added to a stopped instance is published at its start", async () => {
  await box.create({ name: "web", script: webServer("start") });
  await isle("port", "add", "web", "19003:80");
  await isle("start", "web");
  expect(await other.run(webGet(other.near, 19003))).toBe("start\n");
});

test("a port that another holds is refused with the holder's name, and nothing changes", async () => {
  await box.start({
    name: "first",
    script: webServer("first"),
    HostConfig: { PortBindings: { "80/tcp": [{ HostPort: "19004" }] } },
  });
  const second = await box.start({ name: "second", script: webServer("second") });
  const { exitCode, stderr } = await daemon.cli(["port", "add", "second", "19005:80", "19004:80"]);
  expect(exitCode).not.toBe(0);
  expect(stderr).toContain("held by container first");
  expect(await portsOf(second)).toEqual({});
  expect(await other.run(webGet(other.near, 19004))).toBe("first\n");
  const host = await box.idle({ HostConfig: { NetworkMode: "host" } });
  expect((await daemon.cli(["port", "add", host, "19006:80"])).stderr).toContain("no network of its own");
  const v6 = (address: string) => daemon.cli(["port", "add", "second", `[${address}]:19007:80`]);
  expect((await v6("::")).stderr).toContain("has no IPv6");
  expect((await v6("0:0::1")).stderr).toContain("publish it on 127.0.0.1");
});

test("a port that a program of the machine holds is refused with that word", async () => {
  const HostConfig = { NetworkMode: "host" };
  const listener = await box.start({ script: "mkdir -p /w; exec httpd -f -p 19008 -h /w", HostConfig });
  await here("until (exec 3<>/dev/tcp/127.0.0.1/19008) 2>/dev/null; do sleep 0.05; done");
  const id = await box.create({ HostConfig: { PortBindings: { "80/tcp": [{ HostPort: "19008" }] } } });
  const { json } = await daemon.api.post(`/containers/${id}/start`);
  expect(json.message).toContain("a program of this machine");
  await box.remove(listener);
  await daemon.api.ok("POST", `/containers/${id}/start`);
});

test("ranges are published one to one, udp and sctp have elements of their own", async () => {
  const id = await box.idle({ name: "many" });
  await isle("port", "add", "many", "19100-19102:80-82", "19100:80/udp", "19100:80/sctp");
  const ports = await portsOf(id);
  expect(ports["82/tcp"]).toEqual([{ HostIp: "0.0.0.0", HostPort: "19102" }]);
  const rules = await here("nft list ruleset");
  for (const protocol of ["tcp", "udp", "sctp"]) expect(rules).toContain(`${protocol} . 19100 : `);
});

test("an instance that was cut off gets its published ports with its first way out", async () => {
  await userNetwork(daemon.api, "inner", { Internal: true });
  await userNetwork(daemon.api, "outer");
  const HostConfig = { NetworkMode: "inner", PortBindings: { "80/tcp": [{ HostPort: "19009" }] } };
  const id = await box.start({ script: webServer("freed"), HostConfig });
  expect((await portsOf(id))["80/tcp"]).toBeNull();
  await daemon.api.ok("POST", "/networks/outer/connect", { json: { Container: id } });
  expect(await other.run(webGet(other.near, 19009))).toBe("freed\n");
});

test("no connection through a published port breaks while the daemon is away", async () => {
  const PortBindings = { "80/tcp": [{ HostPort: "19010" }] };
  // Sends a line, and another one when told to by a file.
  const script = "mkfifo /go; (echo one; cat /go; echo two) | nc -l -p 80";
  const id = await box.start({ script, HostConfig: { PortBindings } });
  const talk = other.run(
    `for i in $(seq 100); do exec 3<>/dev/tcp/${other.near}/19010 && read -r line <&3 && echo $line && timeout 20 cat <&3 && exit; sleep 0.05; done 2>/dev/null`,
  );
  await box.exec(id, "until netstat -tn | grep -q ESTABLISHED; do sleep 0.05; done");
  await daemon.kill();
  await daemon.restart();
  expect((await box.exec(id, "echo between > /go")).exitCode).toBe(0);
  expect(await talk).toBe("one\nbetween\ntwo\n");
});
