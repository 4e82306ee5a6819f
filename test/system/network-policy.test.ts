import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { Containers } from "../support/containers.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { clearNetworks, userNetwork } from "../support/networks.ts";
import { type OtherMachine, otherMachine, webGet, webServer } from "../support/other-machine.ts";
import { startUpstream, type Upstream } from "../support/upstream-dns.ts";

let daemon: TestDaemon;
let box: Containers;
/** Two machines outside, each with a web server on two ports. */
let near: OtherMachine;
let far: OtherMachine;
let upstream: Upstream;
beforeAll(async () => {
  daemon = await startDaemon();
  box = new Containers(daemon.api);
  near = await otherMachine(daemon, 1);
  far = await otherMachine(daemon, 2);
  const names = { "near.example": near.address, "far.example": far.address, "a.wild.example": far.address };
  upstream = await startUpstream(daemon, "127.0.0.53", names);
  for (const [machine, word] of [
    [near, "near"],
    [far, "far"],
  ] as const) {
    for (const port of [80, 81]) await machine.run(serveLines(word, port));
  }
});
afterEach(async () => {
  await box.clear();
  await clearNetworks(daemon.api);
});
afterAll(async () => {
  await upstream.stop();
  await daemon.stop();
});

/** A server of busybox's there is none on another machine: perl answers each connection with a page. */
const serveLines = (word: string, port: number): string =>
  `perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalPort => ${port}, Listen => 9, ReuseAddr => 1) or die; exit if fork; close STDOUT; close STDERR; while (my $c = $s->accept) { sysread $c, my $b, 999; print $c "HTTP/1.0 200 OK\\r\\n\\r\\n${word}\\n"; close $c }'`;

const isle = async (...args: string[]): Promise<string> => {
  const { exitCode, stdout, stderr } = await daemon.cli(args);
  if (exitCode !== 0) throw new Error(stderr);
  return stdout;
};
const ask = (target: string, seconds: number): string => `timeout ${seconds} wget -qO- http://${target}/ 2>/dev/null`;
/** What a server tells an instance, asked until it answers. */
const reach = async (id: string, target: string): Promise<string> =>
  (await box.exec(id, `for i in $(seq 20); do ${ask(target, 3)} && break; sleep 0.05; done`)).stdout.trim();
/** The same for one that is not to be reached, asked once. */
const tried = async (id: string, target: string): Promise<string> => (await box.exec(id, ask(target, 1))).stdout.trim();
const on = (NetworkMode: string, more: object = {}) => ({
  HostConfig: { NetworkMode, Dns: [upstream.address] },
  ...more,
});
const web = (name: string, network: string, more: object = {}) =>
  box.start({
    name,
    script: `${webServer(name).replace("exec httpd", "httpd -p 81 -h /www; exec httpd")}`,
    ...on(network, more),
  });
describe("inside a network", () => {
  test("only what rules name is reached, by name, alias, label and port; the rest is denied and shown", async () => {
    await userNetwork(daemon.api, "app", { EnableIPv6: true });
    const [front, back] = [await web("front", "app", { Labels: { tier: "web" } }), await web("back", "app")];
    const job = await box.idle({
      name: "job",
      HostConfig: { NetworkMode: "app" },
      NetworkingConfig: { EndpointsConfig: { app: { Aliases: ["worker"] } } },
    });
    expect(await reach(front, "back")).toBe("back");
    await isle("network", "policy", "app", "--rule", "label=tier=web -> back:80", "--rule", "worker -> front");
    expect(await reach(front, "back")).toBe("back");
    expect(await tried(front, "back:81")).toBe("");
    expect(await tried(back, "front")).toBe("");
    expect(await reach(job, "front:81")).toBe("front");
    expect(await tried(job, "back")).toBe("");
    const six = (await box.inspect(back)).NetworkSettings.Networks.app.GlobalIPv6Address;
    expect(await reach(front, `[${six}]`)).toBe("back");
    expect(await tried(front, `[${six}]:81`)).toBe("");
    const denials = await isle("network", "denials", "app", "--format", "{{.From}} {{.To}} {{.Port}}");
    for (const line of ["front back 81/tcp", "back front 80/tcp", "job back 80/tcp"]) expect(denials).toContain(line);
    expect(denials).not.toContain("front back 80/tcp");
  });

  test("who comes later is under the rules at once, whoever has an address after another is not", async () => {
    await userNetwork(daemon.api, "app", { Labels: { "isle.policy.rules": "asker -> server:80" } });
    const asker = await box.idle({ name: "asker", ...on("app") });
    const server = await web("server", "app");
    expect(await reach(asker, "server")).toBe("server");
    const { IPAddress } = (await box.inspect(server)).NetworkSettings.Networks.app;
    await box.remove(server);
    await box.start({
      name: "stranger",
      script: webServer("stranger"),
      HostConfig: { NetworkMode: "app" },
      NetworkingConfig: { EndpointsConfig: { app: { IPAMConfig: { IPv4Address: IPAddress } } } },
    });
    expect(await tried(asker, IPAddress)).toBe("");
    await daemon.api.ok("POST", "/containers/stranger/rename", { query: { name: "server" } });
    expect(await reach(asker, "server")).toBe("stranger");
  });

  test("rules outlive the daemon and a flush of the table, and end when they are cleared", async () => {
    await userNetwork(daemon.api, "app");
    const [asker, server] = [await box.idle({ name: "asker", ...on("app") }), await web("server", "app")];
    expect(await reach(asker, "server")).toBe("server");
    expect(await isle("network", "policy", "app", "--default", "deny")).toContain("default: deny");
    expect(await tried(asker, "server")).toBe("");
    await daemon.restart();
    expect(await tried(asker, "server")).toBe("");
    await isle("network", "policy", "app", "--default", "allow", "--rule", "deny * -> server:81");
    expect(await reach(asker, "server")).toBe("server");
    expect(await tried(asker, "server:81")).toBe("");
    expect(await isle("network", "policy", "app")).toBe(
      "default: allow\nrule:    deny * -> server 81/tcp\negress:  everything\n",
    );
    await isle("network", "policy", "app", "--clear");
    expect(await reach(asker, "server:81")).toBe("server");
    void server;
  });
});

describe("egress", () => {
  test("of a network goes to the listed blocks and ports alone, and not to the machine itself", async () => {
    await userNetwork(daemon.api, "app");
    const asker = await box.idle({ name: "asker", ...on("app") });
    await box.start({
      name: "host",
      script: "mkdir /w; echo host > /w/index.html; exec httpd -f -p 18950 -h /w",
      HostConfig: { NetworkMode: "host" },
    });
    expect(await reach(asker, `${near.near}:18950`)).toBe("host");
    await isle("network", "policy", "app", "--egress", `${near.address}:80`);
    expect(await reach(asker, near.address)).toBe("near");
    expect(await tried(asker, `${near.address}:81`)).toBe("");
    expect(await tried(asker, far.address)).toBe("");
    expect(await tried(asker, `${near.near}:18950`)).toBe("");
    const denials = await isle("network", "denials", "--format", "{{.From}} {{.To}} {{.Port}} {{.Packets}}");
    expect(denials).toMatch(new RegExp(`asker ${far.address} 80/tcp [1-9]`));
    expect(denials).toContain(`asker ${near.address} 81/tcp`);
    await isle("network", "policy", "app", "--no-egress");
    expect(await tried(asker, near.address)).toBe("");
  });

  test("goes to listed names, whose addresses are followed, and survives a restart of the daemon", async () => {
    await userNetwork(daemon.api, "app", { Labels: { "isle.egress.allow": "near.example:80; *.wild.example" } });
    const asker = await box.idle({ name: "asker", ...on("app") });
    expect(await reach(asker, "near.example")).toBe("near");
    expect(await tried(asker, "near.example:81")).toBe("");
    expect(await tried(asker, "far.example")).toBe("");
    expect(await reach(asker, "a.wild.example:81")).toBe("far");
    await daemon.restart();
    // The address is still open, without another question for the name.
    expect(await reach(asker, near.address)).toBe("near");
  });

  test("of one instance is limited on every network, its neighbours' is not", async () => {
    const labels = { Labels: { "isle.egress.allow": "near.example" } };
    const limited = await box.idle({ HostConfig: { Dns: [upstream.address] }, ...labels });
    const free = await box.idle();
    expect(await reach(limited, "near.example")).toBe("near");
    expect(await tried(limited, far.address)).toBe("");
    expect(await reach(free, far.address)).toBe("far");
    await userNetwork(daemon.api, "second");
    await daemon.api.ok("POST", "/networks/second/connect", { json: { Container: limited } });
    expect(await tried(limited, far.address)).toBe("");
    expect(await reach(limited, near.address)).toBe("near");
  });

  test("replies to a published port are not stopped", async () => {
    await userNetwork(daemon.api, "app", { Labels: { "isle.egress.allow": "" } });
    const PortBindings = { "80/tcp": [{ HostPort: "18951" }] };
    await box.start({ script: webServer("answer"), HostConfig: { NetworkMode: "app", PortBindings } });
    expect(await far.run(webGet(far.near, 18951))).toBe("answer\n");
  });
});

test("bandwidth is limited in each direction by flag or label", async () => {
  await userNetwork(daemon.api, "app");
  const script = "mkdir /w; head -c 524288 /dev/zero > /w/half; exec httpd -f -p 80 -h /w";
  const rates = ["--network-rate-in", "2mbit", "--network-rate-out", "4mbit"];
  await isle("run", "-d", "--name", "slow", "--network", "app", ...rates, "busybox", "sh", "-c", script);
  await box.start({ name: "fast", script, ...on("app") });
  /** Milliseconds for half a megabyte, 4.2 million bits, from one to the other. */
  const transfer = async (from: string, to: string): Promise<number> => {
    await box.exec(to, `until wget -q -O /dev/null http://${from}/half; do sleep 0.05; done`);
    const began = performance.now();
    expect((await box.exec(to, `wget -q -O - http://${from}/half | wc -c`)).stdout.trim()).toBe("524288");
    return performance.now() - began;
  };
  expect(await transfer("fast", "slow")).toBeGreaterThan(1500);
  expect(await transfer("slow", "fast")).toBeGreaterThan(700);
});

test("policies that make no sense are refused", async () => {
  await userNetwork(daemon.api, "app");
  const fails = async (...args: string[]) => (await daemon.cli(args)).stderr;
  expect(await fails("network", "policy", "app", "--rule", "web db")).toContain("invalid policy rule");
  expect(await fails("network", "policy", "app", "--egress", "a b c")).toContain("invalid egress rule");
  expect(await fails("network", "policy", "app", "--default", "maybe")).toContain("allow or deny");
  expect(await fails("network", "policy", "host", "--default", "deny")).toContain("cannot have a policy");
  expect(await fails("network", "policy", "nosuch")).toContain("not found");
  expect(await fails("run", "--network-rate-in", "fast", "busybox", "true")).toContain("invalid rate");
  const made = await daemon.api.post("/networks/create", { json: { Name: "b", Labels: { "isle.policy.rules": "x" } } });
  expect(made.status).toBe(400);
});
