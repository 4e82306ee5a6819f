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

const here = async (script: string): Promise<string> => (await daemon.inNamespaces(["bash", "-c", script])).stdout;
const inside = async (id: string, script: string): Promise<string> => (await box.exec(id, script)).stdout;
const table = "$(nft list tables | sed -n 's/^table inet \\(isle_.*\\)/\\1/p')";
const published = (NetworkMode: string, HostPort: string) => ({
  HostConfig: { NetworkMode, PortBindings: { "80/tcp": [{ HostPort }] } },
});

test.each([
  ["all rules are flushed, as a reload of a firewall does", "nft flush ruleset"],
  ["the rules of the table are flushed", `nft flush table inet ${table}`],
  ["the published ports are taken out", `nft flush map inet ${table} ports4`],
  ["the table is deleted", `nft delete table inet ${table}`],
])("when %s, ports are published again at once", async (_, damage) => {
  await box.start({ script: webServer("mended"), ...published("bridge", "18901") });
  expect(await other.run(webGet(other.near, 18901))).toBe("mended\n");
  await here(damage);
  expect(await other.run(webGet(other.near, 18901))).toBe("mended\n");
});

test("rules of others are left as they are", async () => {
  await box.start({ script: webServer("mine"), ...published("bridge", "18902") });
  await here("nft add table inet others; nft add chain inet others c; nft add rule inet others c counter");
  await here("nft flush ruleset; nft add table inet others; nft add set inet others s '{ type ipv4_addr; }'");
  expect(await other.run(webGet(other.near, 18902))).toBe("mine\n");
  expect(await here("nft list table inet others")).toContain("set s");
  await here("nft delete table inet others");
});

test("a bridge deleted by hand comes back, with everybody on it", async () => {
  await userNetwork(daemon.api, "app", { Options: { "com.docker.network.bridge.name": "lost0" } });
  await box.start({ name: "web", script: webServer("back"), ...published("app", "18903") });
  const asker = await box.idle({ HostConfig: { NetworkMode: "app" } });
  expect(await inside(asker, "wget -qO- http://web/")).toBe("back\n");
  await here("ip link del lost0");
  expect(await inside(asker, "for i in $(seq 100); do timeout 3 wget -qO- http://web/ && break; sleep 0.1; done")).toBe(
    "back\n",
  );
  expect(await other.run(webGet(other.near, 18903))).toBe("back\n");
});

test("an instance's cable that somebody took away comes back", async () => {
  await userNetwork(daemon.api, "app", { Options: { "com.docker.network.bridge.name": "cut0" } });
  const id = await box.idle({ HostConfig: { NetworkMode: "app" } });
  await here(
    `for link in $(ip -o link show master cut0 | sed 's/^[0-9]*: \\([^@:]*\\).*/\\1/'); do ip link del $link; done`,
  );
  const untilUp =
    "for i in $(seq 100); do ping -c 1 -W 1 $(ip route | sed -n 's/default via \\([0-9.]*\\).*/\\1/p') && break; sleep 0.1; done";
  expect(await inside(id, untilUp)).toContain("1 packets received");
});

test("what a crash leaves of a connect is gone after the next start", async () => {
  await userNetwork(daemon.api, "app", { Options: { "com.docker.network.bridge.name": "crash0" } });
  const id = await box.idle({ HostConfig: { NetworkMode: "app" } });
  await daemon.kill();
  await here("ip link add veth0badcafe type veth peer name stray; ip link set veth0badcafe master crash0");
  await daemon.restart();
  expect(await here("ip -o link show master crash0")).not.toContain("veth0badcafe");
  expect((await here("ip -o link show master crash0")).trim().split("\n")).toHaveLength(1);
  const gateway = (await box.inspect(id)).NetworkSettings.Networks.app.Gateway;
  expect(await inside(id, `ping -c 1 -w 5 ${gateway}`)).toContain("1 packets received");
});

test("the host's firewall has its say about published ports, which our rules do not overrule", async () => {
  await box.start({ script: webServer("open"), ...published("bridge", "18904") });
  expect(await other.run(webGet(other.near, 18904))).toBe("open\n");
  await here(`nft -f - <<'E'
table inet mine {
  chain forward {
    type filter hook forward priority filter - 1
    meta l4proto tcp ct status dnat ct original proto-dst 18904 ip saddr != 192.0.2.0/24 drop
  }
}
E`);
  expect(await other.run(webGet(other.near, 18904, 1))).toBe("");
  await here("nft delete table inet mine");
  expect(await other.run(webGet(other.near, 18904))).toBe("open\n");
});

test("with the last network and instance the engine's rules hold nothing of theirs", async () => {
  const rules = await here(`nft list table inet ${table}`);
  expect(rules).not.toContain("lost0");
  expect(rules).not.toContain("18903");
});
