import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Containers } from "../support/containers.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { eventually } from "../support/leaks.ts";
import { webGet } from "../support/other-machine.ts";

let daemon: TestDaemon;
let box: Containers;
beforeAll(async () => {
  daemon = await startDaemon({ config: { "default-runtime": "isle-vm", "microvm-pool": 1 } });
  box = new Containers(daemon.api);
});
afterEach(() => box.clear());
afterAll(() => daemon.stop());

const patienceMs = 110_000;

const fork = async (...args: string[]): Promise<string[]> => {
  const { exitCode, stdout, stderr } = await daemon.cli(["fork", ...args], { timeoutMs: patienceMs });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return stdout.trim().split("\n");
};

const refusal = async (...args: string[]): Promise<string> => {
  const { exitCode, stderr } = await daemon.cli(["fork", ...args], { timeoutMs: patienceMs });
  expect(exitCode).toBe(1);
  return stderr;
};

const numbersOf = async (id: string): Promise<number[]> =>
  (await box.logs(id)).stdout
    .split("\n")
    .filter((line) => /^\d+$/.test(line))
    .map(Number);

/** Each number follows the one before. */
async function countsOn(id: string): Promise<number[]> {
  const before = (await numbersOf(id)).length;
  const numbers = await eventually(
    () => numbersOf(id),
    (found) => expect(found.length).toBeGreaterThan(before),
    patienceMs,
  );
  expect(numbers).toEqual(numbers.map((_, i) => numbers[0]! + i));
  return numbers;
}

const counter = `echo 0123456789abcdef0123456789abcdef > /etc/machine-id
mkdir /www; hostname > /www/index.html; httpd -h /www
i=0; while :; do echo $i; i=$((i+1)); sleep 0.05; done`;

test("copies go on from the original's memory and disk, each as another", async () => {
  const original = await box.start({
    script: counter,
    Hostname: "first",
    HostConfig: { PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "18080" }] } },
  });
  await box.untilLog(original, "5\n");
  const copies = await fork("-n", "3", "--name", "copy", original);
  const look = async (id: string) => {
    const { Name, NetworkSettings } = await box.inspect(id);
    const script = `hostname; hostname -i; cat /sys/class/net/eth0/address /proc/sys/kernel/random/boot_id /etc/machine-id
      head -c 16 /dev/urandom | md5sum; head -c 16 /dev/random | md5sum; tail -1 /etc/hosts; date +%s`;
    const begin = Date.now() / 1000;
    const seen = (await box.exec(id, script)).stdout.trim().split("\n");
    const { IPAddress, MacAddress } = NetworkSettings.Networks.bridge;
    expect(seen.slice(1, 3)).toEqual([IPAddress, MacAddress]);
    expect(seen[7]).toBe(`${IPAddress}\t${seen[0]}`);
    expect(Number(seen[8])).toBeGreaterThan(begin - 5);
    expect(Number(seen[8])).toBeLessThan(Date.now() / 1000 + 5);
    return [Name, ...seen.slice(0, 7), NetworkSettings.Ports["80/tcp"][0].HostPort];
  };
  const all = await Promise.all([original, ...copies].map(look));
  expect(all.map(([name]) => name).slice(1)).toEqual(["/copy-1", "/copy-2", "/copy-3"]);
  expect(all.slice(1).map(([, hostname]) => hostname)).toEqual(copies.map((id) => id.slice(0, 12)));
  for (const column of all[0]!.keys()) expect(new Set(all.map((row) => row[column])).size).toBe(4);
  const before = await countsOn(original);
  expect(before[0]).toBe(0);
  for (const id of copies) {
    const [first = -1] = await countsOn(id);
    expect(first).toBeGreaterThan(3);
    expect(first).toBeLessThan(before.length);
    expect((await box.exec(id, "cat /www/index.html; echo $(hostname) > /www/index.html")).stdout).toBe("first\n");
  }
  for (const [i, id] of [original, ...copies].entries()) {
    const { stdout } = await daemon.inNamespaces(["bash", "-c", webGet("127.0.0.1", Number(all[i]!.at(-1)))]);
    expect(stdout).toBe(i === 0 ? "first\n" : `${id.slice(0, 12)}\n`);
  }
  // They owe nothing to the original, and can be saved and copied themselves.
  await box.remove(original);
  const [again = ""] = await fork(copies[0]!);
  await daemon.cli(["suspend", copies[1]!], { timeoutMs: patienceMs });
  await daemon.cli(["resume", copies[1]!], { timeoutMs: patienceMs });
  for (const id of [...copies, again]) await countsOn(id);
}, 240_000);

test("the original stands still for a moment only, also one that shares its memory with a template", async () => {
  await box.idle();
  await eventually(
    async () => (await daemon.api.ok("GET", "/info")).Runtimes["isle-vm"].status["isle.vm.pool"],
    (text) => expect(text).toBe("1 of 1 wait"),
    patienceMs,
  );
  const id = await box.start({ script: counter });
  await box.untilLog(id, "5\n");
  const since = Math.floor(Date.now() / 1000);
  const [copy = ""] = await fork(id);
  await box.event(id, "fork", since);
  await box.event(copy, "start", since);
  await countsOn(id);
  const lines = (await box.logs(id, { timestamps: true })).stdout.trim().split("\n");
  const times = lines.map((line) => Date.parse(line.split(" ")[0]!));
  const longest = Math.max(...times.slice(1).map((time, i) => time - times[i]!));
  console.log(`longest pause: ${longest} ms`);
  expect(longest).toBeLessThan(5000);
}, 240_000);

test("what one copy gives back is taken from no other", async () => {
  const id = await box.start({
    script: "head -c 20000000 /dev/urandom > /dev/shm/kept; md5sum /dev/shm/kept; exec sleep 3600",
  });
  await box.untilLog(id, "kept");
  const sum = (await box.logs(id)).stdout;
  const [generous = "", other = ""] = await fork("-n", "2", id);
  const ownMemory = () => {
    const state = JSON.parse(readFileSync(join(daemon.execRoot, "runtime/isle-vm", generous, "state.json"), "utf8"));
    return daemon.inNamespaces(["sh", "-c", `awk '/^RssAnon/ { print $2 }' /proc/${state.machine}/status`]);
  };
  await box.exec(generous, "head -c 40000000 /dev/zero > /dev/shm/more");
  const full = Number((await ownMemory()).stdout);
  expect(full).toBeGreaterThan(40_000);
  await box.exec(generous, "rm /dev/shm/*");
  await eventually(ownMemory, ({ stdout }) => expect(Number(stdout)).toBeLessThan(full - 20_000), patienceMs);
  expect((await box.exec(other, "md5sum /dev/shm/kept")).stdout).toBe(sum);
}, 240_000);

test("a disk that is full stops a copy and nothing else, and what cannot be copied is refused by name", async () => {
  const container = await box.idle({ HostConfig: { Runtime: "crun" } });
  expect(await refusal(container)).toContain("only microVMs can be saved");
  const id = await box.start({ name: "taken", script: counter });
  await box.untilLog(id, "0\n");
  const place = join(daemon.dataRoot, "microvm-copies");
  const small = `mkdir -p ${place} && mount -t tmpfs -o size=20m small ${place}`;
  expect((await daemon.inNamespaces(["sh", "-c", small])).exitCode).toBe(0);
  expect(await refusal(id)).toContain("no space left");
  await countsOn(id);
  await daemon.inNamespaces(["umount", place]);
  expect(await refusal("--name", "taken", id)).toContain("already in use");
  expect(await refusal("--name", "-", id)).toContain("Invalid container name");
  expect(await refusal("-n", "0", id)).toContain("want from 1 to 100 copies, got 0");
  await daemon.cli(["suspend", id], { timeoutMs: patienceMs });
  expect(await refusal(id)).toMatch(/is suspended.*isle resume/s);
  const listed = await daemon.api.ok("GET", "/containers/json", { query: { all: true } });
  expect(listed.map(({ Id }: { Id: string }) => Id).sort()).toEqual([container, id].sort());
  const held = (await daemon.inNamespaces(["ls", join(daemon.dataRoot, "instances")])).stdout.trim().split("\n");
  expect(held.sort()).toEqual([container, id].sort());
  expect((await daemon.inNamespaces(["ls", join(daemon.dataRoot, "microvm-copies")])).stdout).toBe("");
}, 240_000);

test("a machine on two networks goes on and is copied with both", async () => {
  for (const Name of ["near", "far"]) await daemon.api.ok("POST", "/networks/create", { json: { Name } });
  const id = await box.idle({
    HostConfig: { NetworkMode: "near" },
    NetworkingConfig: { EndpointsConfig: { near: {}, far: {} } },
  });
  const addresses = async (each: string) => {
    const { Networks } = (await box.inspect(each)).NetworkSettings;
    const wanted = [Networks.near.IPAddress, Networks.far.IPAddress].sort();
    const seen = (await box.exec(each, "ip -4 -o addr | grep -v ' lo ' | awk '{ sub(/\\/.*/, \"\", $4); print $4 }'"))
      .stdout;
    expect(seen.trim().split("\n").sort()).toEqual(wanted);
    return wanted;
  };
  const before = await addresses(id);
  await daemon.cli(["suspend", id], { timeoutMs: patienceMs });
  await daemon.cli(["resume", id], { timeoutMs: patienceMs });
  expect(await addresses(id)).toEqual(before);
  const [copy = ""] = await fork(id);
  const others = await addresses(copy);
  expect(before.some((address: string) => others.includes(address))).toBe(false);
  expect((await box.exec(copy, `ping -c 1 -W 20 ${before[0]}`)).exitCode).toBe(0);
}, 240_000);
