import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { namePort } from "../../src/core/names.ts";
import { Containers } from "../support/containers.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { clearNetworks, on, userNetwork } from "../support/networks.ts";
import { startUpstream, type Upstream } from "../support/upstream-dns.ts";

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

/** What `nslookup` finds for a name inside, its own server's address left out. */
async function lookUp(id: string, name: string): Promise<string[]> {
  const { stdout } = await box.exec(id, `nslookup ${name} | sed '1,/^$/d'`);
  return [...stdout.matchAll(/Address:\s+(\S+)/g)].map(([, address]) => address!).sort();
}

const addressOn = async (id: string, network: string): Promise<string> =>
  (await box.inspect(id)).NetworkSettings.Networks[network].IPAddress;

test("instances of a network find each other by name, alias, short id and host name, and back by address", async () => {
  await userNetwork(daemon.api, "app");
  const web = await box.idle({ name: "web", Hostname: "webhost", ...on("app", { Aliases: ["www", "Store"] }) });
  const asker = await box.idle({ name: "asker", ...on("app") });
  const address = await addressOn(web, "app");
  for (const name of ["web", "www", "store", "WEB", web.slice(0, 12), "webhost", "web.app"]) {
    expect(await lookUp(asker, name)).toEqual([address]);
  }
  expect((await box.exec(asker, `nslookup ${address}`)).stdout).toContain("name = web.app");
  expect((await box.exec(asker, "ping -c 1 -w 5 web")).stdout).toContain(address);
  expect((await box.exec(asker, "cat /etc/resolv.conf")).stdout).toMatch(/^nameserver 172\.\d+\.0\.1\n/);
});

test("a name that several have answers with all of them, and starts and stops count at once", async () => {
  await userNetwork(daemon.api, "app");
  const alias = on("app", { Aliases: ["workers"] });
  const [one, two, asker] = await Promise.all([box.idle(alias), box.idle(alias), box.idle(on("app"))]);
  const addresses = await Promise.all([addressOn(one!, "app"), addressOn(two!, "app")]);
  expect(await lookUp(asker!, "workers")).toEqual([...addresses].sort());
  await daemon.api.ok("POST", `/containers/${one}/stop`, { query: { t: 1 } });
  expect(await lookUp(asker!, "workers")).toEqual([addresses[1]!]);
  await daemon.api.ok("POST", `/containers/${two}/rename`, { query: { name: "renamed" } });
  expect(await lookUp(asker!, "renamed")).toEqual([addresses[1]!]);
});

test("names of other networks are not told, those of all own networks are", async () => {
  await userNetwork(daemon.api, "front");
  await userNetwork(daemon.api, "back");
  const db = await box.idle({ name: "db", ...on("back") });
  await box.idle({ name: "page", ...on("front") });
  const both = await box.idle({
    name: "api",
    HostConfig: { NetworkMode: "front" },
    NetworkingConfig: { EndpointsConfig: { front: {}, back: { Aliases: ["service"] } } },
  });
  const alone = await box.idle(on("front"));
  expect(await lookUp(both, "db")).toEqual([await addressOn(db, "back")]);
  expect(await lookUp(alone, "db")).toEqual([]);
  expect(await lookUp(alone, "service")).toEqual([]);
  expect(await lookUp(alone, "api")).toEqual([await addressOn(both, "front")]);
  const foreign = await addressOn(db, "back");
  expect((await box.exec(alone, `nslookup ${foreign}`)).stdout).not.toContain("db");
});

test("other names are asked for at the given servers, and remembered as long as their TTL says", async () => {
  const upstream = await startUpstream(daemon, "127.0.0.53");
  try {
    await userNetwork(daemon.api, "app");
    const network = on("app");
    const asker = await box.idle({ ...network, HostConfig: { NetworkMode: "app", Dns: [upstream.address] } });
    expect(await lookUp(asker, "lasting.example")).toContain("192.0.2.7");
    expect(await lookUp(asker, "lasting.example")).toContain("192.0.2.7");
    expect(await lookUp(asker, "passing.example")).toContain("192.0.2.7");
    expect(await lookUp(asker, "passing.example")).toContain("192.0.2.7");
    expect(upstream.asked("A lasting.example")).toBe(1);
    expect(upstream.asked("A passing.example")).toBe(2);
    // Too long for a datagram: the asker is told to come again over TCP.
    expect((await box.exec(asker, "nslookup -type=txt long.example")).stdout).not.toContain("text");
    expect((await tcpQuery(asker)).length).toBeGreaterThan(600);
  } finally {
    await upstream.stop();
  }
});

/** Asks over TCP from the network of an instance; busybox only knows UDP. */
async function tcpQuery(id: string): Promise<string> {
  const { State, NetworkSettings } = await box.inspect(id);
  const gateway = NetworkSettings.Networks.app.Gateway;
  const query = ["\\x00\\x1e", "\\x00\\x01\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00"].join("");
  const question = "\\x04long\\x07example\\x00\\x00\\x10\\x00\\x01";
  const script = `exec 3<>/dev/tcp/${gateway}/53; printf '${query}${question}' >&3; timeout 5 head -c 1200 <&3 | tr -dc 'a-z'`;
  return (await daemon.inNamespaces(["nsenter", "-n", "-t", String(State.Pid), "bash", "-c", script])).stdout;
}

test("the next server is asked when one does not answer, and a failure is told when none does", async () => {
  const upstream = await startUpstream(daemon, "127.0.0.53");
  try {
    await userNetwork(daemon.api, "app");
    const asking = (...Dns: string[]) => box.idle({ HostConfig: { NetworkMode: "app", Dns } });
    expect(await lookUp(await asking("127.0.0.54", upstream.address), "lasting.example")).toContain("192.0.2.7");
    expect((await box.exec(await asking("127.0.0.54"), "nslookup other.example")).stdout).toContain("SERVFAIL");
  } finally {
    await upstream.stop();
  }
});

test("names are answered where a name server of the machine has the port on all addresses", async () => {
  const taken = await startUpstream(daemon, "0.0.0.0");
  try {
    await userNetwork(daemon.api, "app");
    const web = await box.idle({ name: "web", ...on("app") });
    const asker = await box.idle(on("app"));
    expect(await lookUp(asker, "web")).toEqual([await addressOn(web, "app")]);
    await daemon.restart();
    expect(await lookUp(asker, "web")).toEqual([await addressOn(web, "app")]);
    expect(taken.asked("A web")).toBe(0);
  } finally {
    await taken.stop();
  }
});

test("names are answered where a program of the machine has the engine's own port, too", async () => {
  let taken: Upstream | undefined;
  const crowded = await startDaemon({
    prepare: async (made) => {
      taken = await startUpstream(made, "0.0.0.0", {}, namePort);
    },
  });
  try {
    const there = new Containers(crowded.api);
    await userNetwork(crowded.api, "app");
    await there.idle({ name: "web", ...on("app") });
    const asker = await there.idle(on("app"));
    expect((await there.exec(asker, "nslookup web")).stdout).toContain("Name:\tweb");
    await crowded.restart();
    expect((await there.exec(asker, "nslookup web")).stdout).toContain("Name:\tweb");
  } finally {
    await taken?.stop();
    await crowded.stop();
  }
});

test("where the machine's name server answers on loopback alone, the engine asks it for the default network", async () => {
  let upstream: Upstream | undefined;
  const local = await startDaemon({
    prepare: async (made) => {
      const file = `${made.directory}/resolv.conf`;
      writeFileSync(file, "nameserver 127.0.0.53\nsearch corp.example\n");
      await made.inNamespaces(["mount", "--bind", file, "/etc/resolv.conf"]);
      upstream = await startUpstream(made, "127.0.0.53");
    },
  });
  try {
    const there = new Containers(local.api);
    const id = await there.idle();
    expect((await there.exec(id, "nslookup lasting.example")).stdout).toContain("192.0.2.7");
    const neighbour = await there.idle({ name: "neighbour" });
    expect((await there.exec(id, "nslookup neighbour")).stdout).toContain("192.0.2.7");
    expect(upstream!.asked("A neighbour.corp.example")).toBe(1);
    await there.remove(neighbour);
    expect((await there.exec(id, "cat /etc/resolv.conf")).stdout).toContain("search corp.example");
  } finally {
    await upstream?.stop();
    await local.stop();
  }
});

test("a link gives another a name that only its holder knows", async () => {
  await userNetwork(daemon.api, "app");
  const db = await box.idle({ name: "postgres", ...on("app") });
  const linked = await box.idle(on("app", { Links: ["postgres:db"] }));
  const other = await box.idle(on("app"));
  expect(await lookUp(linked, "db")).toEqual([await addressOn(db, "app")]);
  expect(await lookUp(other, "db")).toEqual([]);
});

test("who has no way out gets no names from outside", async () => {
  await userNetwork(daemon.api, "inner", { Internal: true });
  const asker = await box.idle({ HostConfig: { NetworkMode: "inner", Dns: ["127.0.0.53"] } });
  await box.idle({ name: "neighbour", ...on("inner") });
  expect(await lookUp(asker, "neighbour")).toHaveLength(1);
  expect((await box.exec(asker, "nslookup lasting.example")).stdout).toContain("NXDOMAIN");
});

test("names are answered again as soon as the daemon is back", async () => {
  await userNetwork(daemon.api, "app");
  const web = await box.idle({ name: "web", ...on("app") });
  const asker = await box.idle(on("app"));
  await daemon.kill();
  await daemon.restart();
  expect(await lookUp(asker, "web")).toEqual([await addressOn(web, "app")]);
});
