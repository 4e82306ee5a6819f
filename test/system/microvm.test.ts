import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { statSync } from "node:fs";
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

const microvm = { Runtime: "isle-vm" };
const patience = { timeoutMs: 110_000 };

test("a command runs under a kernel of its own, with its exit code, output and errors", async () => {
  const script = "uname -r; echo to-errors >&2; exit 7";
  const { exitCode, stdout, stderr } = await box.run({ script, HostConfig: microvm });
  expect({ exitCode, stderr }).toEqual({ exitCode: 7, stderr: "to-errors\n" });
  expect(stdout).toMatch(/^\d+\.\d+.*\n$/);
  expect(stdout.trim()).not.toBe((await daemon.inNamespaces(["uname", "-r"])).stdout.trim());
});

test("isolation is one flag of the command line, and Docker's client chooses it by the runtime", async () => {
  const own = await daemon.cli(["run", "--rm", "--isolation", "microvm", "busybox", "echo", "hi"], patience);
  expect(own).toEqual({ exitCode: 0, stdout: "hi\n", stderr: "" });
  if (!(await hasDocker())) return console.log("SKIPPED by docker's client: it is not installed");
  const docker = await daemon.docker(["run", "--rm", "-i", "--runtime", "isle-vm", "busybox", "cat"], {
    ...patience,
    input: "through the machine\n",
  });
  expect(docker).toEqual({ exitCode: 0, stdout: "through the machine\n", stderr: "" });
});

test("the workload is a container inside: process 1, host name, user, environment, directory, rights", async () => {
  const script =
    "echo $$ $(hostname) $(id -u):$(id -g) $A $PWD; grep -E 'CapBnd|Seccomp:|NoNewPrivs' /proc/self/status";
  const stdout = await box.output(script, {
    Hostname: "inside",
    User: "ann",
    Env: ["A=1"],
    WorkingDir: "/var/data",
    HostConfig: { ...microvm, CapDrop: ["ALL"], CapAdd: ["CHOWN"], SecurityOpt: ["no-new-privileges"] },
  });
  const [first, ...rest] = stdout.split("\n");
  expect(first).toBe("1 inside 1000:1000 1 /var/data");
  expect(rest.map((line) => line.replace(/\s+/, " "))).toEqual([
    "CapBnd: 0000000000000001",
    "NoNewPrivs: 1",
    "Seccomp: 2",
  ]);
});

test("a command that is missing is told in Docker's words and leaves nothing", async () => {
  const id = await box.create({ Cmd: ["no-such-program"], HostConfig: microvm });
  const reply = await daemon.api.post(`/containers/${id}/start`);
  expect(reply.status).toBe(400);
  expect(reply.json.message).toContain('exec: "no-such-program": executable file not found in $PATH');
  expect((await box.state(id)).ExitCode).toBe(127);
  expect((await daemon.inNamespaces(["pgrep", "-x", "isle-relay"])).stdout).toBe("");
});

test("the image is one file for all of its instances, and changes stay with an instance over a stop", async () => {
  const id = await box.create({ script: "cat /kept 2>/dev/null; echo kept > /kept", HostConfig: microvm });
  for (const expected of ["", "kept\n"]) {
    const ended = box.wait(id, "next-exit");
    await daemon.api.ok("POST", `/containers/${id}/start`);
    expect(await ended).toBe(0);
    expect((await box.logs(id)).stdout).toBe(expected);
  }
  const disks = await daemon.inNamespaces(["ls", join(daemon.dataRoot, "erofs")]);
  expect(disks.stdout.trim()).toMatch(/^[0-9a-f]{64}\.erofs$/);
  const disk = statSync(join(daemon.dataRoot, "instances", id, "disk"));
  expect(disk.blocks * 512).toBeLessThan(8 << 20);
});

test("it has the network of its instance: address, names, a published port", async () => {
  const port = { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }] };
  const script = "mkdir /www; echo it works > /www/index.html; httpd -fv -h /www";
  const id = await box.start({
    script,
    ExposedPorts: { "80/tcp": {} },
    HostConfig: { ...microvm, PortBindings: port },
  });
  const { NetworkSettings } = await box.inspect(id);
  const address = NetworkSettings.Networks.bridge.IPAddress;
  const seen = await box.exec(id, "hostname -i; ip route; cat /sys/class/net/eth0/address");
  expect(seen.stdout).toContain(`${address}\ndefault via ${NetworkSettings.Networks.bridge.Gateway}`);
  expect(seen.stdout.trim()).toEndWith(NetworkSettings.Networks.bridge.MacAddress);
  const other = await box.output(`until wget -qO- http://${address}/; do sleep 0.2; done`);
  expect(other).toBe("it works");
});

test("what needs the host's kernel is refused by name before anything is made", async () => {
  const refused = async (HostConfig: object) => {
    const reply = await daemon.api.post("/containers/create", {
      json: { Image: "busybox", HostConfig: { ...microvm, ...HostConfig } },
    });
    return `${reply.status} ${reply.json.message}`;
  };
  expect(await refused({ NetworkMode: "host" })).toContain("cannot use the network of the host");
  expect(await refused({ PidMode: "host" })).toContain("cannot share processes with others");
  expect(await refused({ Annotations: { "isle.vm.disk": "/etc/shadow" } })).toContain("an order to the runtime");
});

test("a machine is on several networks, with the names, addresses and routes that a container has", async () => {
  for (const [Name, Subnet] of [
    ["first", "10.91.1.0/24"],
    ["second", "10.91.2.0/24"],
    ["third", "10.91.3.0/24"],
  ]) {
    await daemon.api.ok("POST", "/networks/create", { json: { Name, IPAM: { Config: [{ Subnet }] } } });
  }
  await box.idle({ name: "neighbour", HostConfig: { NetworkMode: "second" } });
  const script =
    "ip -o -4 address | awk '{ print $2, $4 }'; ip route | sort; ping -c 1 -W 5 neighbour >/dev/null && echo reached";
  const onTwo = (HostConfig: object) => ({
    HostConfig: { NetworkMode: "first", ...HostConfig },
    NetworkingConfig: {
      EndpointsConfig: {
        first: { IPAMConfig: { IPv4Address: "10.91.1.9" } },
        second: {
          IPAMConfig: { IPv4Address: "10.91.2.9" },
          DriverOpts: { "com.docker.network.endpoint.ifname": "back" },
        },
      },
    },
  });
  const asContainer = await box.output(script, onTwo({}));
  expect(asContainer).toContain("back 10.91.2.9/24");
  expect(await box.output(script, onTwo(microvm))).toBe(asContainer);
  const id = await box.idle({ HostConfig: { ...microvm, NetworkMode: "first" } });
  const connect = await daemon.api.post("/networks/third/connect", { json: { Container: id } });
  expect([connect.status, connect.json.message]).toEqual([
    501,
    expect.stringContaining("that runs cannot be connected"),
  ]);
  await daemon.api.ok("POST", `/containers/${id}/stop`, { query: { t: 0 } });
  await daemon.api.ok("POST", "/networks/third/connect", { json: { Container: id } });
  await daemon.api.ok("POST", `/containers/${id}/start`);
  expect((await box.exec(id, "cat /sys/class/net/eth1/carrier; ip -o -4 address show eth1")).stdout).toContain(
    "10.91.3.",
  );
  await box.clear();
  for (const name of ["first", "second", "third"]) await daemon.api.ok("DELETE", `/networks/${name}`);
});

async function hasDocker(): Promise<boolean> {
  return (await daemon.inNamespaces(["sh", "-c", "command -v docker"])).exitCode === 0;
}

test("files of a machine are copied, compared, exported and committed while it runs and when it has ended", async () => {
  const script =
    "echo new > /made; rm /var/data/seed; mkdir /dir; echo x > /dir/x; ln -s x /dir/l; chown 7:8 /dir/x; sync";
  const id = await box.start({ script: `${script}; echo ready; exec sleep 3600`, HostConfig: microvm });
  await box.untilLog(id, "ready");
  const look = async () => {
    const changes = await daemon.api.ok("GET", `/containers/${id}/changes`);
    const names = changes.map(({ Path, Kind }: { Path: string; Kind: number }) => `${"CAD"[Kind]} ${Path}`);
    expect(names).toEqual(expect.arrayContaining(["A /made", "D /var/data/seed", "A /dir", "A /dir/x"]));
    expect((await daemon.cli(["cp", `${id}:/made`, "-"], patience)).stdout).toContain("new\n");
    const exported = await daemon.cli(["export", id], patience);
    expect(exported.stdout).toContain("dir/x");
  };
  await look();
  await daemon.inNamespaces([
    "sh",
    "-c",
    `mkdir -p ${daemon.directory}/in; echo from the host > ${daemon.directory}/in/f`,
  ]);
  const copyIn = (target: string) => daemon.cli(["cp", `${daemon.directory}/in/f`, `${id}:${target}`], patience);
  expect((await copyIn("/dir/copied")).exitCode).toBe(0);
  expect((await box.exec(id, "cat /dir/copied; stat -c %u:%g /dir/x")).stdout).toBe("from the host\n7:8\n");
  await daemon.api.ok("POST", `/containers/${id}/kill`);
  await look();
  expect((await copyIn("/dir/later")).exitCode).toBe(0);
  const committed = await daemon.cli(["commit", id, "kept"], patience);
  expect(committed.exitCode).toBe(0);
  const seen = await box.output("cat /made /dir/later /dir/l; ls /var/data", { Image: "kept" });
  expect(seen).toBe("new\nfrom the host\nx");
});

test("machines of different trust domains start from different templates", async () => {
  const templates = async () => (await daemon.inNamespaces(["ls", join(daemon.dataRoot, "templates")])).stdout;
  const { stdout: before } = await daemon.inNamespaces(
    ["sh", "-c", `until ls -d ${daemon.dataRoot}/templates/*/manifest.json; do sleep 0.2; done`],
    patience,
  );
  expect(before).not.toBe("");
  const known = (await templates()).trim().split("\n").length;
  expect(await box.output("echo apart", { Labels: { "isle.trust-domain": "other" }, HostConfig: microvm })).toBe(
    "apart",
  );
  const more = `until [ $(ls -d ${daemon.dataRoot}/templates/*/manifest.json | wc -l) -gt ${known} ]; do sleep 0.2; done`;
  expect((await daemon.inNamespaces(["sh", "-c", more], patience)).exitCode).toBe(0);
});

test("twenty machines live side by side and each answers", async () => {
  const ids: string[] = [];
  const lane = async () => {
    for (let i = 0; i < 10; i++) ids.push(await box.idle({ HostConfig: microvm }));
  };
  await Promise.all([lane(), lane()]);
  const answers = await Promise.all(ids.map((id) => box.exec(id, "hostname")));
  expect(answers.map(({ stdout }) => stdout.trim()).sort()).toEqual(ids.map((id) => id.slice(0, 12)).sort());
});
