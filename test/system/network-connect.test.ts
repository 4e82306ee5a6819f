import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { Containers } from "../support/containers.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { clearNetworks, userNetwork } from "../support/networks.ts";

let daemon: TestDaemon;
let box: Containers;
beforeAll(async () => {
  daemon = await startDaemon();
  box = new Containers(daemon.api);
});
afterEach(async () => {
  await box.clear();
  await clearNetworks(daemon.api);
});
afterAll(() => daemon.stop());

const connect = (network: string, Container: string, EndpointConfig: object = {}) =>
  daemon.api.post(`/networks/${network}/connect`, { json: { Container, EndpointConfig } });
const disconnect = (network: string, Container: string) =>
  daemon.api.post(`/networks/${network}/disconnect`, { json: { Container } });
const subnet = (Subnet: string, more: object = {}) => ({ IPAM: { Config: [{ Subnet, ...more }] } });
const networksOf = async (id: string) => (await box.inspect(id)).NetworkSettings.Networks;
const inside = async (id: string, script: string): Promise<string> => (await box.exec(id, script)).stdout;
const http = (body: string) => `mkdir -p /www; echo ${body} > /www/index.html; httpd -f -p 80 -h /www`;
const fetched = async (port: number): Promise<string> => {
  const once = `exec 3<>/dev/tcp/127.0.0.1/${port} && printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3 && timeout 2 cat <&3`;
  const script = `for i in $(seq 100); do bash -c '${once}' 2>/dev/null | grep -a . | tail -1 | grep . && exit; sleep 0.05; done`;
  return (await daemon.inNamespaces(["bash", "-c", script])).stdout.trim();
};

test("an instance joins several networks at its creation, each with its own address and alias", async () => {
  await userNetwork(daemon.api, "front", subnet("10.61.0.0/24"));
  await userNetwork(daemon.api, "back", subnet("10.62.0.0/24"));
  const id = await box.idle({
    HostConfig: { NetworkMode: "front" },
    NetworkingConfig: {
      EndpointsConfig: {
        back: { Aliases: ["store"], IPAMConfig: { IPv4Address: "10.62.0.77" } },
        front: { MacAddress: "02:42:0a:3d:00:99" },
      },
    },
  });
  const { front, back } = await networksOf(id);
  expect(front).toMatchObject({ IPAddress: "10.61.0.2", MacAddress: "02:42:0a:3d:00:99", Gateway: "10.61.0.1" });
  expect(back).toMatchObject({ IPAddress: "10.62.0.77", Aliases: ["store"], IPPrefixLen: 24 });
  expect(back.DNSNames).toContain("store");
  const shown = await inside(id, "ip -4 -o addr; ip route");
  expect(shown).toMatch(/eth0 .*10\.61\.0\.2\/24/);
  expect(shown).toMatch(/eth1 .*10\.62\.0\.77\/24/);
  // Of equal priority the first name has the way out, as with Docker.
  expect(shown).toContain("default via 10.62.0.1");
});

test("link-local addresses and a name of the interface are as asked for", async () => {
  await userNetwork(daemon.api, "front");
  const settings = {
    IPAMConfig: { LinkLocalIPs: ["169.254.8.8", "fe80::8"] },
    DriverOpts: { "com.docker.network.endpoint.ifname": "front0" },
  };
  const id = await box.idle({
    HostConfig: { NetworkMode: "front" },
    NetworkingConfig: { EndpointsConfig: { front: settings } },
  });
  const shown = await inside(id, "ip -o addr show front0");
  expect(shown).toContain("169.254.8.8/16");
  expect(shown).toContain("fe80::8/64");
  const bad = (DriverOpts: object) => connect("front", id, { DriverOpts });
  expect((await bad({ "com.docker.network.endpoint.ifname": "a b" })).status).toBe(400);
  expect((await bad({ "com.docker.network.endpoint.sysctls": "net.ipv4.conf.IFNAME.x=1" })).status).toBe(501);
});

test("the priority says over which network the way out leads", async () => {
  await userNetwork(daemon.api, "front", subnet("10.61.0.0/24"));
  await userNetwork(daemon.api, "back", subnet("10.62.0.0/24"));
  const EndpointsConfig = { back: {}, front: { GwPriority: 5 } };
  const id = await box.idle({ HostConfig: { NetworkMode: "back" }, NetworkingConfig: { EndpointsConfig } });
  expect(await inside(id, "ip route")).toContain("default via 10.61.0.1");
});

test("a running instance joins and leaves networks, with names, files, routes and published ports", async () => {
  await userNetwork(daemon.api, "front", subnet("10.61.0.0/24"));
  await userNetwork(daemon.api, "back", subnet("10.62.0.0/24"));
  const HostConfig = { NetworkMode: "front", PortBindings: { "80/tcp": [{ HostPort: "18700" }] } };
  const web = await box.start({ name: "web", script: http("moved"), HostConfig });
  const other = await box.idle({ HostConfig: { NetworkMode: "back" } });
  const events = daemon.api.stream("GET", "/events", { query: { filters: JSON.stringify({ type: ["network"] }) } });
  expect((await connect("back", web, { Aliases: ["store"] })).status).toBe(200);
  expect(await inside(other, "wget -qO- http://store/")).toBe("moved\n");
  expect(await fetched(18700)).toBe("moved");
  expect(await inside(web, "cat /etc/hosts")).toContain("10.62.0.");
  expect((await connect("back", web)).status).toBe(403);

  expect((await disconnect("front", web)).status).toBe(200);
  expect(await fetched(18700)).toBe("moved");
  expect(Object.keys(await networksOf(web))).toEqual(["back"]);
  const left = await inside(web, "ip -4 -o addr; ip route; cat /etc/hosts /etc/resolv.conf");
  expect(left).not.toContain("10.61.");
  expect(left).toContain("default via 10.62.0.1");
  expect(left).toContain("nameserver 10.62.0.1");
  expect(await inside(web, "nslookup store")).toContain("10.62.0.");
  const seen = await events;
  for (const action of ["connect", "disconnect"]) {
    const event = await seen.find(({ Action }) => Action === action);
    expect(event.Actor.Attributes).toMatchObject({ container: web, type: "bridge" });
  }
  seen.close();
  expect((await daemon.api.ok("GET", "/networks/front")).Containers).toEqual({});
  const { Containers: members } = await daemon.api.ok("GET", "/networks/back");
  expect(members[web]).toMatchObject({ Name: "web", IPv4Address: expect.stringMatching(/^10\.62\.0\.\d+\/24$/) });
});

test("a stopped instance joins and leaves for its next start", async () => {
  await userNetwork(daemon.api, "front", subnet("10.61.0.0/24"));
  const id = await box.create({ script: "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done" });
  expect((await connect("front", id, { IPAMConfig: { IPv4Address: "10.61.0.50" } })).status).toBe(200);
  expect((await disconnect("bridge", id)).status).toBe(200);
  expect((await disconnect("bridge", id)).status).toBe(403);
  await daemon.api.ok("POST", `/containers/${id}/start`);
  const { front, bridge } = await networksOf(id);
  expect(front.IPAddress).toBe("10.61.0.50");
  expect(bridge).toBeUndefined();
  const filters = JSON.stringify({ network: ["front"] });
  expect(await daemon.api.ok("GET", "/containers/json", { query: { filters } })).toHaveLength(1);
});

test("addresses come out of the range, those reserved and taken are refused, an exhausted network says so", async () => {
  const config = { IPRange: "10.63.0.8/30", Gateway: "10.63.0.9", AuxiliaryAddresses: { router: "10.63.0.10" } };
  await userNetwork(daemon.api, "small", subnet("10.63.0.0/28", config));
  const on = (IPv4Address?: string) => ({
    HostConfig: { NetworkMode: "small" },
    NetworkingConfig: { EndpointsConfig: { small: IPv4Address ? { IPAMConfig: { IPv4Address } } : {} } },
  });
  const [first, second] = [await box.idle(on()), await box.idle(on())];
  expect((await networksOf(first)).small.IPAddress).toBe("10.63.0.8");
  expect((await networksOf(second)).small.IPAddress).toBe("10.63.0.11");
  const refused = async (address?: string) => {
    const id = await box.create(on(address));
    const { status, json } = await daemon.api.post(`/containers/${id}/start`);
    expect(status).toBeGreaterThanOrEqual(400);
    return json.message;
  };
  expect(await refused()).toContain("no available IPv4 addresses");
  expect(await refused("10.63.0.10")).toContain("Address already in use");
  expect(await refused("10.63.0.8")).toContain("Address already in use");
  expect((await networksOf(await box.idle(on("10.63.0.3")))).small.IPAddress).toBe("10.63.0.3");
  const create = await daemon.api.post("/containers/create", { json: { Image: "busybox", ...on("10.99.0.1") } });
  expect(create.status).toBe(400);
  const { IPAM } = await daemon.api.ok("GET", "/networks/small");
  expect(IPAM.Config).toEqual([{ Subnet: "10.63.0.0/28", ...config }]);
});

test("addresses come back when instances end, leave, or never start", async () => {
  await userNetwork(daemon.api, "tiny", subnet("10.69.0.0/29"));
  await userNetwork(daemon.api, "other");
  const on = { NetworkMode: "tiny" };
  const taken = { "80/tcp": [{ HostPort: "18750" }] };
  await box.idle({ HostConfig: { PortBindings: taken } });
  const failing = await box.create({ HostConfig: { ...on, PortBindings: taken } });
  for (let i = 0; i < 6; i += 1) expect((await daemon.api.post(`/containers/${failing}/start`)).status).toBe(500);
  for (let round = 0; round < 3; round += 1) {
    const all = await Promise.all(Array.from({ length: 5 }, () => box.idle({ HostConfig: on })));
    for (const id of all.slice(0, 2)) {
      expect((await connect("other", id)).status).toBe(200);
      expect((await disconnect("tiny", id)).status).toBe(200);
    }
    const more = await Promise.all([box.idle({ HostConfig: on }), box.idle({ HostConfig: on })]);
    await Promise.all([...all, ...more].map((id) => box.remove(id)));
  }
});

test("what cannot be joined is refused before anything changes", async () => {
  await userNetwork(daemon.api, "front");
  const lone = await box.idle({ HostConfig: { NetworkMode: "none" } });
  const host = await box.idle({ HostConfig: { NetworkMode: "host" } });
  const plain = await box.idle();
  expect((await connect("front", lone)).status).toBe(400);
  expect((await connect("front", host)).status).toBe(400);
  expect((await connect("host", plain)).status).toBe(400);
  expect((await connect("nosuch", plain)).status).toBe(404);
  expect((await connect("front", "nosuch")).status).toBe(404);
  expect((await connect("front", plain, { IPAMConfig: { IPv4Address: "1.2.3.4" } })).status).toBe(400);
  expect((await connect("front", plain, { Aliases: ["two words"] })).status).toBe(400);
  expect(Object.keys(await networksOf(plain))).toEqual(["bridge"]);
});

test("networks are pruned when no instance names them, by label where told", async () => {
  await userNetwork(daemon.api, "used");
  await userNetwork(daemon.api, "kept", { Labels: { keep: "yes" } });
  await userNetwork(daemon.api, "free");
  await box.create({ HostConfig: { NetworkMode: "used" } });
  const filters = JSON.stringify({ "label!": ["keep"] });
  const { NetworksDeleted } = await daemon.api.ok("POST", "/networks/prune", { query: { filters } });
  expect(NetworksDeleted).toEqual(["free"]);
});

test("joined networks outlive the daemon", async () => {
  await userNetwork(daemon.api, "front", subnet("10.61.0.0/24"));
  await userNetwork(daemon.api, "back", subnet("10.62.0.0/24"));
  const id = await box.idle({ HostConfig: { NetworkMode: "front" } });
  expect((await connect("back", id)).status).toBe(200);
  const before = await networksOf(id);
  await daemon.kill();
  await daemon.restart();
  expect(await networksOf(id)).toEqual(before);
  expect((await disconnect("back", id)).status).toBe(200);
  expect(await inside(id, "ip -4 -o addr")).not.toContain("10.62.");
});
