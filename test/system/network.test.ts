import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
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

const http = (body: string) => `mkdir -p /www; echo ${body} > /www/index.html; httpd -f -p 80 -h /www`;
const published = (port: string, HostPort: string, HostIp = "") => ({
  PortBindings: { [port]: [{ HostIp, HostPort }] },
});
const outside = (script: string) => daemon.inNamespaces(["sh", "-c", script]);

/** A command that prints what a web server answers, asking until it has come up. */
const get = (address: string, port: string | number, tries = 100): string => {
  const once = `exec 3<>/dev/tcp/${address}/${port} && printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3 && timeout 2 cat <&3`;
  return `for i in $(seq ${tries}); do bash -c '${once}' 2>/dev/null | sed '1,/^\r$/d' | grep . && exit 0; sleep 0.02; done; exit 1`;
};

const fetched = (address: string, port: string | number = 80) => outside(get(address, port));

const portOf = async (id: string, port: string): Promise<string> =>
  (await box.inspect(id)).NetworkSettings.Ports[port][0].HostPort;

test("containers of the bridge have an address, a way to each other and their names in /etc/hosts", async () => {
  const web = await box.start({ script: http("web") });
  const { NetworkSettings, Config } = await box.inspect(web);
  const { IPAddress, Gateway, MacAddress, IPPrefixLen } = NetworkSettings.Networks.bridge;
  expect(IPAddress).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
  expect(MacAddress).toMatch(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
  expect(IPPrefixLen).toBeWithin(8, 31);
  expect((await fetched(IPAddress)).stdout).toBe("web\n");
  const shown = await box.output(`wget -q -O - http://${IPAddress}/; ip route`);
  expect(shown).toContain("web");
  expect(shown).toContain(`default via ${Gateway}`);
  expect((await box.exec(web, "cat /etc/hosts")).stdout).toContain(`${IPAddress}\t${Config.Hostname}`);
});

test("a published tcp port answers on the machine", async () => {
  const id = await box.start({ script: http("published"), HostConfig: published("80/tcp", "18080") });
  expect((await fetched("127.0.0.1", 18080)).stdout).toBe("published\n");
  expect(await portOf(id, "80/tcp")).toBe("18080");
});

test("a port not named is chosen, a range gives its first free one", async () => {
  const id = await box.start({ script: http("any"), HostConfig: published("80/tcp", "") });
  const port = await portOf(id, "80/tcp");
  expect(Number(port)).toBeWithin(1024, 65536);
  expect((await fetched("127.0.0.1", port)).stdout).toBe("any\n");
  const ranged = await Promise.all([1, 2].map(() => box.idle({ HostConfig: published("80/tcp", "18100-18101") })));
  expect((await Promise.all(ranged.map((each) => portOf(each, "80/tcp")))).sort()).toEqual(["18100", "18101"]);
  const full = await box.create({ HostConfig: published("80/tcp", "18100-18101") });
  expect((await daemon.api.post(`/containers/${full}/start`)).status).toBe(500);
  const all = await box.idle({ ExposedPorts: { "81/tcp": {}, "82/udp": {} }, HostConfig: { PublishAllPorts: true } });
  expect(Object.keys((await box.inspect(all)).NetworkSettings.Ports).sort()).toEqual(["81/tcp", "82/udp"]);
});

test("a port that is taken is refused in Docker's words, and free again when its holder ends", async () => {
  const holder = await box.idle({ name: "holder", HostConfig: published("80/tcp", "18200") });
  const second = await box.create({ name: "second", Cmd: ["true"], HostConfig: published("80/tcp", "18200") });
  const refused = await daemon.api.post(`/containers/${second}/start`);
  expect(refused.status).toBe(500);
  expect(refused.json.message).toContain("Bind for 0.0.0.0:18200 failed: port is already allocated");
  expect((await box.state(second)).Status).toBe("created");
  await daemon.api.ok("POST", `/containers/${holder}/stop`, { query: { t: 1 } });
  await daemon.api.ok("POST", `/containers/${second}/start`);
});

test("a port bound to one address answers there alone", async () => {
  await box.start({ script: http("local"), HostConfig: published("80/tcp", "18300", "127.0.0.1") });
  expect((await fetched("127.0.0.1", 18300)).stdout).toBe("local\n");
  await outside("ip addr add 198.51.100.1/32 dev lo");
  expect((await outside(get("198.51.100.1", 18300, 1))).exitCode).not.toBe(0);
  await outside("ip addr del 198.51.100.1/32 dev lo");
});

test("host shares the machine's network, none has only loopback, container shares another's", async () => {
  const names = (HostConfig: object) => box.output("ls /sys/class/net | tr '\\n' ' '", { HostConfig });
  const machine = (await outside("ls /sys/class/net | wc -l")).stdout.trim();
  expect(Number(machine)).toBeGreaterThanOrEqual(1);
  expect(await names({ NetworkMode: "none" })).not.toContain("eth0");
  const web = await box.start({ script: http("shared"), Hostname: "web" });
  await fetched((await box.inspect(web)).NetworkSettings.Networks.bridge.IPAddress);
  const joined = { HostConfig: { NetworkMode: `container:${web}` } };
  expect(await box.output("wget -q -O - http://127.0.0.1/; hostname", joined)).toBe("shared\nweb");
  await outside("mkdir -p /tmp/isle-host-www; echo host > /tmp/isle-host-www/index.html");
  const id = await box.start({
    script: "mkdir /w; echo from-host > /w/index.html; httpd -f -p 18400 -h /w",
    HostConfig: { NetworkMode: "host" },
  });
  expect((await fetched("127.0.0.1", 18400)).stdout).toBe("from-host\n");
  await outside("rm -r /tmp/isle-host-www");
  await box.remove(id);
  const conflicting = await daemon.api.post("/containers/create", {
    json: { Image: "busybox", Hostname: "x", HostConfig: { NetworkMode: `container:${web}` } },
  });
  expect(conflicting.status).toBe(400);
});

test("published ports are open again after the daemon came back", async () => {
  await box.start({ script: http("lasting"), HostConfig: published("80/tcp", "18500") });
  await fetched("127.0.0.1", 18500);
  await daemon.kill();
  expect((await fetched("127.0.0.1", 18500)).stdout).toBe("lasting\n");
  await daemon.restart();
  expect((await fetched("127.0.0.1", 18500)).stdout).toBe("lasting\n");
});

test("nothing of a container's network is left when it is gone", async () => {
  const count = async () => (await outside("ip -o link | grep -vc 'isle\\|lo:'; true")).stdout.trim();
  const rules = async () => (await outside("nft list ruleset | grep -c 18600; true")).stdout.trim();
  const before = await count();
  const id = await box.idle({ HostConfig: published("80/tcp", "18600") });
  expect(await rules()).not.toBe("0");
  await box.remove(id);
  expect(await rules()).toBe("0");
  expect(Number(await count())).toBeLessThanOrEqual(Number(before));
});
