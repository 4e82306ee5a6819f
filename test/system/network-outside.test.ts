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

const here = "10.201.0.1";
const there = "10.201.0.2";

/** Runs a line on another machine: a network namespace that has a cable to the daemon's and knows its networks. */
async function elsewhere(line: string): Promise<string> {
  const script = `
    unshare -n sleep 60 & other=$!
    trap "kill $other; ip link del cable0" EXIT
    until [ "$(readlink /proc/$other/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done
    ip link add cable0 type veth peer name cable1 netns $other
    ip addr add ${here}/24 dev cable0 && ip link set cable0 up
    on() { nsenter -n -t $other "$@"; }
    on ip addr add ${there}/24 dev cable1 && on ip link set cable1 up && on ip route add default via ${here}
    on bash -c '${line.replaceAll("'", "'\\''")}'`;
  return (await daemon.inNamespaces(["bash", "-c", script])).stdout;
}

const get = (address: string, port: number): string =>
  `for i in $(seq 50); do exec 3<>/dev/tcp/${address}/${port} && printf "GET /busybox HTTP/1.0\\r\\n\\r\\n" >&3 && head -c 12 <&3 && exit; sleep 0.05; done 2>/dev/null`;

const server = { script: "httpd -fv -p 80 -h /bin" };

test("a published port answers another machine, whose address the container sees", async () => {
  const HostConfig = { PortBindings: { "80/tcp": [{ HostPort: "18200" }] } };
  const id = await box.start({ ...server, HostConfig });
  expect(await elsewhere(get(here, 18200))).toBe("HTTP/1.1 200");
  expect(JSON.stringify(await box.logs(id))).toContain(there);
});

/** Answers each datagram with the address it came from. Perl is part of every Debian, and busybox serves no UDP. */
const udpServer = [
  "use IO::Socket::INET; $| = 1;",
  'my $s = IO::Socket::INET->new(LocalPort => 53, Proto => "udp") or die; print "ready\\n";',
  "while ($s->recv(my $m, 99)) { $s->send($s->peerhost) }",
].join(" ");

test("a published udp port answers another machine, whose address the container sees", async () => {
  const Binds = ["/usr", "/lib", "/lib64"].map((path) => `${path}:${path}:ro`);
  const HostConfig = { Binds, PortBindings: { "53/udp": [{ HostPort: "18253" }] } };
  await box.start({ Cmd: ["/usr/bin/perl", "-e", udpServer], HostConfig });
  const ask = `exec 3<>/dev/udp/${here}/18253; for i in $(seq 30); do echo hi >&3; timeout 0.2 head -c ${there.length} <&3 | grep . && exit; done`;
  expect(await elsewhere(ask)).toContain(there);
});

test("a port published on one address answers on that alone", async () => {
  const HostConfig = { PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "18201" }] } };
  await box.start({ ...server, HostConfig });
  expect(await elsewhere(`timeout 1 bash -c '${get(here, 18201)}'`)).toBe("");
});

test("what is not published does not answer another machine, even one that knows the way", async () => {
  const id = await box.start(server);
  const { IPAddress } = (await box.inspect(id)).NetworkSettings.Networks.bridge;
  expect(
    await elsewhere(`ping -c 1 -W 1 ${here} >/dev/null && echo reached; timeout 1 bash -c '${get(IPAddress, 80)}'`),
  ).not.toContain("HTTP");
});
