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

test("a container has Docker's capabilities, and more or fewer when asked", async () => {
  const effective = async (HostConfig: object) =>
    (await box.output("grep CapEff /proc/self/status", { HostConfig })).split(/\s+/)[1]!;
  expect(await effective({})).toBe("00000000a80425fb");
  expect(await effective({ CapDrop: ["ALL"] })).toBe("0000000000000000");
  expect(await effective({ CapDrop: ["ALL"], CapAdd: ["NET_ADMIN"] })).toBe("0000000000001000");
  expect(await effective({ CapAdd: ["CAP_SYS_TIME"], CapDrop: ["chown"] })).toBe("00000000aa0425fa");
  const bad = await daemon.api.post("/containers/create", {
    json: { Image: "busybox", HostConfig: { CapAdd: ["FLYING"] } },
  });
  expect(bad.status).toBe(400);
  expect(bad.json.message).toContain("FLYING");
});

test("a privileged container sees the devices and has no filter", async () => {
  const shown = await box.output(
    "grep -E 'Seccomp:' /proc/self/status; ls /dev | wc -l; mount -t tmpfs none /mnt 2>&1 || (mkdir /mnt && mount -t tmpfs none /mnt) && echo mounted",
    {
      HostConfig: { Privileged: true },
    },
  );
  expect(shown).toContain("Seccomp:\t0");
  expect(shown).toEndWith("mounted");
});

test("the seccomp profile is Docker's, another or none", async () => {
  const state = async (SecurityOpt: string[]) =>
    await box.output("grep Seccomp: /proc/self/status", { HostConfig: { SecurityOpt } });
  expect(await state([])).toBe("Seccomp:\t2");
  expect(await state(["seccomp=unconfined"])).toBe("Seccomp:\t0");
  const profile = JSON.stringify({
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 1 }],
  });
  const refused = await box.run({ script: "mkdir /tmp/x", HostConfig: { SecurityOpt: [`seccomp=${profile}`] } });
  expect(refused.stderr).toContain("Operation not permitted");
  const bad = await daemon.api.post("/containers/create", {
    json: { Image: "busybox", Cmd: ["true"], HostConfig: { SecurityOpt: ["seccomp={"] } },
  });
  expect(
    bad.status === 201 ? (await daemon.api.post(`/containers/${bad.json.Id}/start`)).status : bad.status,
  ).toBeOneOf([400, 500]);
});

test("no-new-privileges is set when asked, and unknown security options are refused", async () => {
  const flag = (SecurityOpt: string[]) =>
    box.output("grep NoNewPrivs /proc/self/status", { HostConfig: { SecurityOpt } });
  expect(await flag([])).toBe("NoNewPrivs:\t0");
  expect(await flag(["no-new-privileges"])).toBe("NoNewPrivs:\t1");
  expect(await flag(["no-new-privileges:true"])).toBe("NoNewPrivs:\t1");
  expect(
    (
      await daemon.api.post("/containers/create", {
        json: { Image: "busybox", HostConfig: { SecurityOpt: ["nonsense"] } },
      })
    ).status,
  ).toBe(400);
});

test("the kernel's dangerous files are masked or read-only", async () => {
  const script =
    "cat /proc/kcore | head -c 1 | wc -c; ls /sys/firmware | wc -l; echo 1 > /proc/sys/kernel/sysrq && echo wrote";
  const { stdout } = await box.run({ script });
  expect(stdout).toBe("0\n0\n");
});

test("ulimits and sysctls apply", async () => {
  const HostConfig = {
    Ulimits: [
      { Name: "nofile", Soft: 1000, Hard: 2000 },
      { Name: "core", Soft: 0, Hard: 0 },
    ],
    Sysctls: { "net.ipv4.ip_unprivileged_port_start": "99" },
  };
  expect(
    await box.output("ulimit -Sn; ulimit -Hn; ulimit -c; cat /proc/sys/net/ipv4/ip_unprivileged_port_start", {
      HostConfig,
    }),
  ).toBe("1000\n2000\n0\n99");
  for (const bad of [
    { Sysctls: { "vm.swappiness": "1" } },
    { Ulimits: [{ Name: "nofile", Soft: 3, Hard: 2 }] },
    { Ulimits: [{ Name: "odd", Soft: 1, Hard: 2 }] },
  ]) {
    const created = await daemon.api.post("/containers/create", {
      json: { Image: "busybox", Cmd: ["true"], HostConfig: bad },
    });
    const reply = created.status === 201 ? await daemon.api.post(`/containers/${created.json.Id}/start`) : created;
    expect([bad, reply.status >= 400]).toEqual([bad, true]);
  }
});

test("devices are given one by one, and rules widen what may be made", async () => {
  const Devices = [{ PathOnHost: "/dev/loop0", PathInContainer: "/dev/mine", CgroupPermissions: "r" }];
  const shown = await box.output(
    "ls -l /dev/mine; head -c 1 /dev/mine | wc -c; dd if=/dev/zero of=/dev/mine bs=1 count=1 2>&1 | grep -c 'not permitted'",
    { HostConfig: { Devices } },
  );
  expect(shown).toContain("7,   0");
  expect(shown).toEndWith("\n1");
  const rule = { DeviceCgroupRules: ["c 10:229 rwm"] };
  const script = "mknod /dev/x c 10 229 && (head -c 0 /dev/x; : < /dev/x) 2>&1 | grep -c 'not permitted'; true";
  expect(await box.output(script, { HostConfig: rule })).toBe("0");
  expect(await box.output(script, {})).toBe("2");
  const missing = await daemon.api.post("/containers/create", {
    json: {
      Image: "busybox",
      Cmd: ["true"],
      HostConfig: {
        Devices: [{ PathOnHost: "/dev/absent", PathInContainer: "/dev/absent", CgroupPermissions: "rwm" }],
      },
    },
  });
  const reply = missing.status === 201 ? await daemon.api.post(`/containers/${missing.json.Id}/start`) : missing;
  expect(reply.json.message).toContain("/dev/absent");
});

test("process, ipc and host name namespaces are its own, the machine's or another container's", async () => {
  const id = await box.idle({ Hostname: "other", HostConfig: { IpcMode: "shareable" } });
  expect(Number(await box.output("echo $$"))).toBe(1);
  expect(
    Number(await box.output("ps | grep -c catatonit", { HostConfig: { PidMode: "host" } })),
  ).toBeGreaterThanOrEqual(1);
  expect(await box.output("ps | grep -c 'sleep 3600'", { HostConfig: { PidMode: `container:${id}` } })).not.toBe("0");
  await box.exec(id, "echo shared > /dev/shm/file");
  expect(await box.output("cat /dev/shm/file", { HostConfig: { IpcMode: `container:${id}` } })).toBe("shared");
  const mine = await box.idle();
  const refused = await box.create({ Cmd: ["true"], HostConfig: { IpcMode: `container:${mine}` } });
  expect((await daemon.api.post(`/containers/${refused}/start`)).status).toBeGreaterThanOrEqual(400);
  const host = (await daemon.inNamespaces(["hostname"])).stdout.trim();
  expect(await box.output("hostname", { HostConfig: { UTSMode: "host" } })).toBe(host);
});

test("shared memory has the size asked for, 64 MB by default", async () => {
  const size = async (HostConfig: object) =>
    await box.output("df -k /dev/shm | tail -1 | awk '{print $2}'", { HostConfig });
  expect(await size({})).toBe("65536");
  expect(await size({ ShmSize: 8 << 20 })).toBe("8192");
});

test("host name, hosts and resolv.conf are written for the container", async () => {
  const shown = await box.output("hostname; cat /etc/hostname; cat /etc/hosts; cat /etc/resolv.conf; dnsdomainname", {
    Hostname: "web",
    Domainname: "example.test",
    HostConfig: {
      ExtraHosts: ["db:10.1.2.3", "gw:host-gateway"],
      Dns: ["10.9.9.9"],
      DnsSearch: ["example.test"],
      DnsOptions: ["ndots:2"],
    },
  });
  expect(shown).toStartWith("web\nweb\n");
  for (const part of [
    "127.0.0.1\tlocalhost",
    "10.1.2.3\tdb",
    "web.example.test web",
    "nameserver 10.9.9.9",
    "search example.test",
    "options ndots:2",
  ]) {
    expect(shown).toContain(part);
  }
  expect(shown).toMatch(/\d+\.\d+\.\d+\.\d+\tgw/);
});

test("an init reaps orphans and passes signals on", async () => {
  const id = await box.start({
    script: "trap 'exit 5' TERM; (sleep 0.01 &); echo up; while :; do sleep 0.05; done",
    HostConfig: { Init: true },
  });
  await box.untilLog(id, "up");
  expect((await box.exec(id, "cat /proc/1/comm")).stdout).not.toBe("sh\n");
  await daemon.api.ok("POST", `/containers/${id}/stop`);
  expect((await box.state(id)).ExitCode).toBe(5);
});

test("users and groups are found by name or number in the image", async () => {
  const who = (User: string, GroupAdd: string[] = []) =>
    box.output("echo $(id -u):$(id -g) $(id -G) $HOME", { User, HostConfig: { GroupAdd } });
  expect(await who("")).toBe("0:0 0 10 /root");
  expect(await who("ann")).toBe("1000:1000 1000 10 2000 /home/ann");
  expect(await who("1000")).toBe("1000:1000 1000 10 2000 /home/ann");
  expect(await who("ann:wheel")).toBe("1000:10 10 /home/ann");
  expect(await who("4242:77", ["extra", "99"])).toBe("4242:77 77 99 2000 /");
  const id = await box.create({ User: "ghost", Cmd: ["true"] });
  const reply = await daemon.api.post(`/containers/${id}/start`);
  expect(reply.json.message).toContain("unable to find user ghost: no matching entries in passwd file");
});

test("the container keeps only what the machine gives: descriptors, environment and umask", async () => {
  expect(await box.output("ls /proc/self/fd | wc -l; umask; env | sort")).toMatch(
    /^[34]\n0022\nHOME=\/root\nHOSTNAME=[0-9a-f]{12}\nPATH=\S+\nPWD=\/\nSHLVL=1$/,
  );
});
