import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { Containers } from "../support/containers.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { clearNetworks, on, userNetwork } from "../support/networks.ts";
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

const endpointOf = async (id: string, network: string) => (await box.inspect(id)).NetworkSettings.Networks[network];
const inside = async (id: string, script: string): Promise<string> => (await box.exec(id, script)).stdout;
const here = async (script: string): Promise<string> => (await daemon.inNamespaces(["bash", "-c", script])).stdout;
const option = (name: string, value: string) => ({ [`com.docker.network.${name}`]: value });
const refused = async (body: object): Promise<string> => {
  const { status, json } = await daemon.api.post("/networks/create", { json: body });
  expect(status).toBeGreaterThanOrEqual(400);
  return json.message;
};

describe("IPv6", () => {
  const v6 = { EnableIPv6: true, IPAM: { Config: [{ Subnet: "10.64.0.0/24" }, { Subnet: "fd64::/64" }] } };

  test("instances have an address of each family, reach each other by name over both, and the world", async () => {
    await userNetwork(daemon.api, "dual", v6);
    const web = await box.start({ name: "web", script: webServer("six"), ...on("dual") });
    const asker = await box.idle(on("dual", { IPAMConfig: { IPv6Address: "fd64::99" } }));
    expect(await endpointOf(web, "dual")).toMatchObject({
      IPAddress: "10.64.0.2",
      GlobalIPv6Address: "fd64::2",
      GlobalIPv6PrefixLen: 64,
      IPv6Gateway: "fd64::1",
    });
    expect(await inside(asker, "ip -6 -o addr show eth0; ip -6 route")).toMatch(/fd64::99[\s\S]*default via fd64::1/);
    expect(await inside(asker, "nslookup -type=aaaa web")).toContain("fd64::2");
    expect(await inside(asker, "nslookup fd64::2")).toContain("web.dual");
    expect(await inside(asker, "wget -qO- http://[fd64::2]/")).toBe("six\n");
    expect(await inside(asker, `ping6 -c 1 -w 5 ${other.address6}`)).toContain("1 packets received");
  });

  test("a subnet is chosen where none is named, and a network may have IPv6 alone", async () => {
    await userNetwork(daemon.api, "chosen", { EnableIPv6: true });
    const { IPAM, EnableIPv6 } = await daemon.api.ok("GET", "/networks/chosen");
    expect(EnableIPv6).toBe(true);
    expect(IPAM.Config[1].Subnet).toMatch(/^fd[0-9a-f:]+::\/64$/);
    await userNetwork(daemon.api, "alone", { EnableIPv4: false, EnableIPv6: true });
    const id = await box.idle({ name: "lone", ...on("alone") });
    expect((await endpointOf(id, "alone")).IPAddress).toBe("");
    expect(await inside(id, "ip -4 -o addr show eth0; nslookup -type=aaaa lone")).toMatch(/^Server:[\s\S]*fd/);
  });

  test("a published port answers another machine over both, which the instance sees", async () => {
    await userNetwork(daemon.api, "dual", v6);
    const HostConfig = { NetworkMode: "dual", PortBindings: { "80/tcp": [{ HostPort: "18801" }] } };
    const id = await box.start({ script: webServer("both"), HostConfig });
    expect(await other.run(webGet(other.near, 18801))).toBe("both\n");
    expect(await other.run(webGet(other.near6, 18801))).toBe("both\n");
    // Refused, not lost: who asks localhost goes on to 127.0.0.1.
    expect(await here("timeout 5 bash -c 'exec 3<>/dev/tcp/::1/18801' 2>/dev/null; echo $?")).toBe("1\n");
    expect(await here(webGet("127.0.0.1", 18801))).toBe("both\n");
    const log = JSON.stringify(await box.logs(id));
    expect(log).toContain(other.address);
    expect(log).toContain(other.address6);
    const { Ports } = (await box.inspect(id)).NetworkSettings;
    expect(Ports["80/tcp"].map(({ HostIp }: { HostIp: string }) => HostIp)).toEqual(["0.0.0.0", "::"]);
  });

  test("a routed network is reached at its own addresses, and only on published ports", async () => {
    await userNetwork(daemon.api, "routed", { ...v6, Options: option("bridge.gateway_mode_ipv6", "routed") });
    const PortBindings = { "80/tcp": [{ HostPort: "18802" }] };
    const id = await box.start({ script: webServer("own"), HostConfig: { NetworkMode: "routed", PortBindings } });
    const closed = await box.start({ script: webServer("closed"), HostConfig: { NetworkMode: "routed" } });
    const addresses = await Promise.all(
      [id, closed].map(async (each) => (await endpointOf(each, "routed")).GlobalIPv6Address),
    );
    expect(await other.run(webGet(addresses[0], 80))).toBe("own\n");
    expect(await other.run(webGet(addresses[1], 80, 1))).toBe("");
    expect(await other.run(webGet(other.near, 18802))).toBe("own\n");
  });
});

describe("options of a bridge", () => {
  test("the name, the MTU and the names inside are as told", async () => {
    const Options = {
      ...option("bridge.name", "mybr0"),
      ...option("driver.mtu", "1400"),
      ...option("container_iface_prefix", "lan"),
    };
    await userNetwork(daemon.api, "named", { Options });
    const id = await box.idle(on("named"));
    expect(await here("cat /sys/class/net/mybr0/mtu 2>/dev/null || ip -o link show mybr0")).toMatch(/1400/);
    expect(await inside(id, "ip -o link show lan0")).toContain("mtu 1400");
  });

  test("without masquerade other machines see the instance's own address", async () => {
    await userNetwork(daemon.api, "plain", {
      IPAM: { Config: [{ Subnet: "10.65.0.0/24" }] },
      Options: option("bridge.enable_ip_masquerade", "false"),
    });
    await other.run(`nft -f - <<'E'
table ip seen {
  set pings { type ipv4_addr; flags dynamic; }
  chain in { type filter hook input priority 0; icmp type echo-request add @pings { ip saddr }; }
}
E`);
    const [plain, usual] = [await box.idle(on("plain")), await box.idle()];
    for (const id of [plain, usual]) {
      expect(await inside(id, `ping -c 1 -w 5 ${other.address}`)).toContain("1 packets received");
    }
    const seen = await other.run("nft list set ip seen pings");
    expect(seen).toContain((await endpointOf(plain, "plain")).IPAddress);
    expect(seen).toContain(other.near);
    expect(seen).not.toContain((await endpointOf(usual, "bridge")).IPAddress);
  });

  test("without communication inside, members reach the world and a published port, not each other", async () => {
    await userNetwork(daemon.api, "quiet", { Options: option("bridge.enable_icc", "false") });
    const HostConfig = { NetworkMode: "quiet", PortBindings: { "80/tcp": [{ HostPort: "18803" }] } };
    const web = await box.start({ script: webServer("published"), HostConfig });
    const asker = await box.idle(on("quiet"));
    const address = (await endpointOf(web, "quiet")).IPAddress;
    expect(await inside(asker, `ping -c 1 -w 5 ${other.address}`)).toContain("1 packets received");
    expect(await inside(asker, `ping -c 1 -W 1 ${address}`)).toContain("100% packet loss");
    expect(await other.run(webGet(other.near, 18803))).toBe("published\n");
  });

  test("ports are published at the address that the network names", async () => {
    await userNetwork(daemon.api, "local", { Options: option("bridge.host_binding_ipv4", "127.0.0.1") });
    const HostConfig = { NetworkMode: "local", PortBindings: { "80/tcp": [{ HostPort: "18804" }] } };
    const id = await box.start({ script: webServer("local"), HostConfig });
    expect(await here(webGet("127.0.0.1", 18804))).toBe("local\n");
    expect(await other.run(webGet(other.near, 18804, 1))).toBe("");
    expect((await box.inspect(id)).NetworkSettings.Ports["80/tcp"]).toEqual([
      { HostIp: "127.0.0.1", HostPort: "18804" },
    ]);
  });

  test("an internal network leads nowhere, in neither direction", async () => {
    await userNetwork(daemon.api, "inner", { Internal: true });
    const HostConfig = { NetworkMode: "inner", PortBindings: { "80/tcp": [{ HostPort: "18805" }] } };
    const web = await box.start({ name: "inside", script: webServer("inner"), HostConfig });
    const asker = await box.idle(on("inner"));
    expect(await inside(asker, "wget -qO- http://inside/")).toBe("inner\n");
    expect(await inside(asker, `ping -c 1 -W 1 ${other.address}`)).not.toContain("1 packets received");
    const address = (await endpointOf(web, "inner")).IPAddress;
    expect(await other.run(webGet(address, 80, 1))).toBe("");
    expect(await other.run(webGet(other.near, 18805, 1))).toBe("");
  });
});

describe("what is refused", () => {
  test("values that make no sense", async () => {
    const create = (Options: object) => refused({ Name: "bad", Options });
    expect(await create(option("driver.mtu", "big"))).toContain("driver.mtu");
    expect(await create(option("bridge.enable_icc", "maybe"))).toContain("enable_icc");
    expect(await create(option("bridge.name", "../x"))).toContain("invalid bridge name");
    expect(await create(option("bridge.name", "lo"))).toContain("exists already");
    expect(await create(option("container_iface_prefix", "a b"))).toContain("container_iface_prefix");
    expect(await refused({ Name: "bad", IPAM: { Driver: "other" } })).toContain("IPAM plugin other");
    const pool = (config: object) => refused({ Name: "bad", IPAM: { Config: [config] } });
    expect(await pool({ Subnet: "10.1.0.0/99" })).toContain("invalid subnet");
    expect(await pool({ Subnet: "10.1.0.0/24", Gateway: "10.2.0.1" })).toContain("no matching subnet");
    expect(await pool({ Subnet: "10.1.0.0/24", IPRange: "10.1.0.0/16" })).toContain("invalid ip-range");
    expect(await pool({ Gateway: "10.1.0.1" })).toContain("no matching subnet");
  });
});

test("subnets are chosen out of the pools of the configuration, and an end of them is told", async () => {
  const pools = [{ base: "10.90.0.0/22", size: 24 }];
  const small = await startDaemon({ bare: true, config: { "default-address-pools": pools } });
  try {
    // What the machine routes already is left out, and so is what has been given.
    await small.inNamespaces([
      "sh",
      "-c",
      "ip link add lan9 type bridge && ip addr add 10.90.1.1/24 dev lan9 && ip link set lan9 up",
    ]);
    const made: string[] = [];
    for (const name of ["a", "b"]) {
      await userNetwork(small.api, name);
      made.push((await small.api.ok("GET", `/networks/${name}`)).IPAM.Config[0].Subnet);
    }
    expect(made).toEqual(["10.90.2.0/24", "10.90.3.0/24"]);
    const full = await small.api.post("/networks/create", { json: { Name: "c" } });
    expect(full.json.message).toContain("fully subnetted");
  } finally {
    await small.stop();
  }
});

test("an overlapping subnet is refused, and one that hides a route of the machine is told", async () => {
  await userNetwork(daemon.api, "first", { IPAM: { Config: [{ Subnet: "10.66.0.0/24" }] } });
  expect(await refused({ Name: "second", IPAM: { Config: [{ Subnet: "10.66.0.128/25" }] } })).toContain(
    "Pool overlaps",
  );
  await here("ip link add lan7 type bridge && ip addr add 10.67.0.9/24 dev lan7 && ip link set lan7 up");
  const made = await daemon.api.ok("POST", "/networks/create", {
    json: { Name: "hiding", IPAM: { Config: [{ Subnet: "10.67.0.0/16" }] } },
  });
  expect(made.Warning).toContain("overlaps 10.67.0.0/24 behind lan7");
  await daemon.restart();
  expect(daemon.log()).toContain("hides part of the machine's own");
  await here("ip link del lan7");
});

test("a MAC address that is taken on the network is refused with the holder's name", async () => {
  await userNetwork(daemon.api, "app");
  const MacAddress = "02:42:aa:bb:cc:dd";
  const first = await box.idle({ name: "holder", ...on("app", { MacAddress }) });
  expect(await inside(first, "cat /sys/class/net/eth0/address 2>/dev/null || ip link show eth0")).toContain(MacAddress);
  const second = await box.create(on("app", { MacAddress: MacAddress.toUpperCase() }));
  const { status, json } = await daemon.api.post(`/containers/${second}/start`);
  expect(status).toBe(409);
  expect(json.message).toContain("by container holder");
});

test("an instance on a macvlan is a neighbour of the machine's network, with the MAC address as told", async () => {
  await here(
    "ip link add lan0 type veth peer name lan1; ip link set lan0 up; ip link set lan1 up; ip addr add 10.68.0.1/24 dev lan1",
  );
  await userNetwork(daemon.api, "lan", {
    Driver: "macvlan",
    Options: { parent: "lan0" },
    IPAM: { Config: [{ Subnet: "10.68.0.0/24", Gateway: "10.68.0.1" }] },
  });
  const id = await box.idle(on("lan", { MacAddress: "02:42:0a:44:00:07", IPAMConfig: { IPv4Address: "10.68.0.7" } }));
  expect(await inside(id, "ip -o addr show eth0; ip route; ip link show eth0")).toMatch(
    /10\.68\.0\.7\/24[\s\S]*default via 10\.68\.0\.1[\s\S]*02:42:0a:44:00:07/,
  );
  expect(await inside(id, "ping -c 1 -w 5 10.68.0.1")).toContain("1 packets received");
  expect(await here("ip neigh show 10.68.0.7")).toContain("02:42:0a:44:00:07");
  await daemon.restart();
  expect((await daemon.api.post("/networks/lan/disconnect", { json: { Container: id } })).status).toBe(200);
  expect(await inside(id, "ip -o link")).not.toContain("eth0");
  await here("ip link del lan0");
});

test("a network that cannot be is refused with the reason", async () => {
  expect(await refused({ Name: "lan", Driver: "macvlan" })).toContain("parent=");
  expect(await refused({ Name: "lan", Driver: "macvlan", Options: { parent: "nosuch0" } })).toContain("does not exist");
  expect(await refused({ Name: "far", Driver: "overlay" })).toContain("could not find plugin overlay");
  const ipvlan = await daemon.api.post("/networks/create", {
    json: { Name: "ipv", Driver: "ipvlan", Options: { parent: "lo" } },
  });
  const works = (await daemon.inNamespaces(["sh", "-c", "ip link add probe0 link lo type ipvlan 2>&1"])).stdout;
  if (works.includes("Unknown device type")) {
    expect(ipvlan.status).toBe(501);
    expect(ipvlan.json.message).toContain("this kernel has no ipvlan");
  }
});
