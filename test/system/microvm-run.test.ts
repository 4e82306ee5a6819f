import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { freemem } from "node:os";
import { join } from "node:path";
import { Containers } from "../support/containers.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";

let daemon: TestDaemon;
let box: Containers;
beforeAll(async () => {
  daemon = await startDaemon({ config: { "default-runtime": "isle-vm" } });
  box = new Containers(daemon.api);
});
afterEach(() => box.clear());
afterAll(() => daemon.stop());

const megabyte = 1 << 20;
const patience = { timeoutMs: 110_000 };

const makeExec = async (id: string, json: object): Promise<string> =>
  (await daemon.api.ok("POST", `/containers/${id}/exec`, { json: { AttachStdout: true, AttachStderr: true, ...json } }))
    .Id;

test("commands run in parallel inside, each with its streams and its exit code", async () => {
  const id = await box.idle();
  const outputs = await Promise.all(
    Array.from({ length: 8 }, (_, i) => box.exec(id, `echo ${i}; echo e${i} >&2; exit ${i}`)),
  );
  expect(outputs).toEqual(Array.from({ length: 8 }, (_, i) => ({ exitCode: i, stdout: `${i}\n`, stderr: `e${i}\n` })));
  expect((await box.exec(id, ["no-such-program"])).exitCode).toBe(127);
  expect((await box.exec(id, "kill -9 $$")).exitCode).toBe(137);
  const filter = await box.exec(id, "grep Seccomp: /proc/self/status; id -u", { User: "ann" });
  expect(filter.stdout).toBe("Seccomp:\t2\n1000\n");
});

test("a terminal inside follows resize, and input passes until half-close", async () => {
  const id = await box.idle();
  const exec = await makeExec(id, { Cmd: ["sh"], Tty: true, AttachStdin: true, ConsoleSize: [20, 70] });
  const session = await daemon.api.hijack(`/exec/${exec}/start`, { json: { Tty: true, ConsoleSize: [20, 70] } });
  session.write("stty size; tty\n");
  await session.until("20 70");
  await session.until("/dev/pts/");
  await daemon.api.post(`/exec/${exec}/resize`, { query: { h: 31, w: 99 } });
  session.write('until [ "$(stty size)" = "31 99" ]; do sleep 0.05; done; exit 4\n');
  await session.rest();
  expect((await daemon.api.ok("GET", `/exec/${exec}/json`)).ExitCode).toBe(4);
  const piped = await makeExec(id, { Cmd: ["wc", "-c"], AttachStdin: true });
  const input = await daemon.api.hijack(`/exec/${piped}/start`, { json: {} });
  input.write(Buffer.alloc(3 * megabyte, "x"));
  input.halfClose();
  expect((await input.frames()).stdout).toBe(`${3 * megabyte}\n`);
});

test("a great deal of output arrives whole, also when its reader is slow", async () => {
  const script = `head -c ${48 * megabyte} /dev/zero | tr '\\0' x`;
  const { exitCode, stdout } = await daemon.cli(["run", "--rm", "busybox", "sh", "-c", script], patience);
  expect(exitCode).toBe(0);
  expect(stdout.length).toBe(48 * megabyte);
});

test("signals reach the first process, and one that ignores them is killed", async () => {
  const id = await box.start({ script: "trap 'echo got it; exit 3' USR1; echo ready; while :; do sleep 0.1; done" });
  await box.untilLog(id, "ready");
  await daemon.api.ok("POST", `/containers/${id}/kill`, { query: { signal: "USR1" } });
  expect(await box.wait(id)).toBe(3);
  expect((await box.logs(id)).stdout).toBe("ready\ngot it\n");
  const deaf = await box.start({ script: "trap '' TERM; echo ready; while :; do sleep 1; done" });
  await box.untilLog(deaf, "ready");
  await daemon.api.ok("POST", `/containers/${deaf}/stop`, { query: { t: 1 } });
  expect((await box.state(deaf)).ExitCode).toBe(137);
});

test("a limit of memory holds inside: the workload is killed and that is told", async () => {
  const { id, exitCode } = await box.finish({ script: "tail /dev/zero", HostConfig: { Memory: 64 * megabyte } });
  expect(exitCode).toBe(137);
  expect(await box.state(id)).toMatchObject({ OOMKilled: true, ExitCode: 137 });
  const other = await box.idle({ HostConfig: { Memory: 64 * megabyte, PidsLimit: 20 } });
  const limits = "cat /sys/fs/cgroup/workload/memory.max /sys/fs/cgroup/workload/pids.max";
  expect((await box.exec(other, limits)).stdout).toBe(`${64 * megabyte}\n20\n`);
  await daemon.api.ok("POST", `/containers/${other}/update`, { json: { Memory: 96 * megabyte, MemorySwap: -1 } });
  expect((await box.exec(other, limits)).stdout).toBe(`${96 * megabyte}\n20\n`);
});

test("a paused machine stands still and goes on; statistics and processes are its own", async () => {
  const id = await box.idle();
  await daemon.api.ok("POST", `/containers/${id}/pause`);
  expect((await box.state(id)).Status).toBe("paused");
  await daemon.api.ok("POST", `/containers/${id}/unpause`);
  expect((await box.exec(id, "echo awake")).stdout).toBe("awake\n");
  const stats = await daemon.api.ok("GET", `/containers/${id}/stats`, { query: { stream: false, "one-shot": true } });
  expect(stats.memory_stats.usage).toBeGreaterThan(10 * megabyte);
  const { Titles, Processes } = await daemon.api.ok("GET", `/containers/${id}/top`);
  expect(Processes.some((row: string[]) => row[Titles.indexOf("CMD")]!.includes("trap"))).toBe(true);
});

test("a machine that is killed, a relay that is killed and a kernel that gives up each end the instance with a code", async () => {
  const id = await box.idle();
  const { machine } = JSON.parse(readFileSync(join(daemon.execRoot, "runtime/isle-vm", id, "state.json"), "utf8"));
  await daemon.inNamespaces(["kill", "-9", String(machine)]);
  expect(await box.wait(id)).toBe(137);
  const other = await box.idle();
  const { Pid } = await box.state(other);
  const stateOf = () => readFileSync(join(daemon.execRoot, "runtime/isle-vm", other, "state.json"), "utf8");
  const { machine: lonely } = JSON.parse(stateOf());
  await daemon.inNamespaces(["kill", "-9", String(Pid)]);
  expect(await box.wait(other)).toBe(137);
  const gone = `while [ -d /proc/${lonely} ] && ! grep -q 'State:.Z' /proc/${lonely}/status; do sleep 0.1; done`;
  expect((await daemon.inNamespaces(["sh", "-c", gone], patience)).exitCode).toBe(0);
  const panic = { script: "echo c > /proc/sysrq-trigger; sleep 60", HostConfig: { Privileged: true } };
  expect((await box.finish(panic)).exitCode).toBe(255);
});

test("twenty machines from one template have nothing in common that must differ", async () => {
  const script =
    "cat /proc/sys/kernel/random/boot_id; hostname; head -c 16 /dev/urandom | od -An -tx1; date +%s; hostname -i";
  const seen: string[][] = [];
  const lane = async () => {
    for (let i = 0; i < 10; i++) seen.push((await box.output(script)).split("\n"));
  };
  await Promise.all([lane(), lane()]);
  for (const [fact, at] of [
    ["boot id", 0],
    ["host name", 1],
    ["random numbers", 2],
  ] as const) {
    expect([fact, new Set(seen.map((lines) => lines[at])).size]).toEqual([fact, 20]);
  }
  const now = Date.now() / 1000;
  for (const lines of seen) expect(Math.abs(now - Number(lines[3]))).toBeLessThan(120);
});

test("a template that was cut or is gone is made again, and starts go on", async () => {
  await box.output("true");
  const templates = join(daemon.dataRoot, "templates");
  await daemon.inNamespaces(["sh", "-c", `until ls ${templates}/*/manifest.json; do sleep 0.1; done`], patience);
  await daemon.inNamespaces(["sh", "-c", `for file in ${templates}/*/state; do truncate -s 1000 $file; done`]);
  expect(await box.output("echo started")).toBe("started");
  await daemon.inNamespaces(["sh", "-c", `rm -rf ${templates}`]);
  expect(await box.output("echo started")).toBe("started");
});

test("a machine with a volume goes on from a template, and both sides see what the other writes", async () => {
  await box.output("true");
  const templates = join(daemon.dataRoot, "templates");
  await daemon.inNamespaces(["sh", "-c", `until ls ${templates}/*/manifest.json; do sleep 0.1; done`], patience);
  const initrds = "/var/cache/isle/kernels/*/initrd*";
  // None could boot from nothing.
  await daemon.inNamespaces(["sh", "-c", `for file in ${initrds}; do mount --bind /dev/null $file; done`]);
  const HostConfig = { Binds: ["shared:/shared"] };
  expect(await box.output("echo one > /shared/file; cat /shared/file", { HostConfig })).toBe("one");
  expect(await box.output("cat /shared/file", { HostConfig })).toBe("one");
  await daemon.inNamespaces(["sh", "-c", `umount ${initrds}`]);
});

test("the server of directories has no rights over the machine, and makes files for everybody", async () => {
  const script =
    "chown 1234:5678 /shared; echo; mknod /shared/memory c 1 1 2>&1; ls -ldn /shared | awk '{ print $3, $4 }'";
  const id = await box.idle({ HostConfig: { Binds: ["shared:/shared"] } });
  const { stdout } = await box.exec(id, script);
  expect(stdout).toBe("\nmknod: /shared/memory: Operation not permitted\n1234 5678\n");
  const foreign = `for p in $(grep -lx virtiofsd /proc/[0-9]*/comm); do readlink \${p%comm}ns/user; done; readlink /proc/1/ns/user`;
  const [own, ...rest] = (await daemon.inNamespaces(["sh", "-c", foreign])).stdout.trim().split("\n").reverse();
  expect(rest.length).toBeGreaterThan(0);
  expect(rest).not.toContain(own);
  await box.clear();
  await daemon.api.ok("DELETE", "/volumes/shared");
});

test("whoever watches a shared directory inside hears of what is changed outside", async () => {
  const shared = join(daemon.directory, "watched");
  mkdirSync(join(shared, "deep"), { recursive: true });
  writeFileSync(join(shared, "deep/file"), "one\n");
  execFileSync("gcc", ["-static", "-O2", "-o", join(shared, "print-changes"), "test/support/print-changes.c"]);
  const HostConfig = { Binds: [`${shared}:/shared`] };
  const script = "cd /shared && exec ./print-changes . deep deep/file";
  const id = await box.start({ script, HostConfig });
  const session = await daemon.api.hijack(`/containers/${id}/attach`, { query: { stream: 1, stdout: 1, logs: 1 } });
  await session.until("ready\n");
  // Until those who watch have looked at the whole tree a change may pass unnoticed.
  const change = "until [ -e heard ]; do echo two >> deep/file; sleep 0.3; done";
  const changing = daemon.inNamespaces(["sh", "-c", `cd ${shared} && ${change}`], patience);
  await session.until("2 file\n");
  await session.until("3 itself\n");
  writeFileSync(join(shared, "heard"), "");
  await changing;
  await session.until("1 heard\n");
  rmSync(join(shared, "deep/file"));
  await session.until("1 deep\n");
});

const roomForPool = 6 * 2 ** 30;
if (freemem() < roomForPool) console.log("SKIPPED the pool of microVMs: less than 6 GiB of memory are free");

test.skipIf(freemem() < roomForPool)(
  "after a start two machines wait for more like it, though the first is gone with all its files",
  async () => {
    const waiting = async () => (await daemon.cli(["info", "--format", "{{json .Runtimes}}"])).stdout;
    await daemon.cli(["run", "--rm", "busybox", "true"], patience);
    while (!(await waiting()).includes("2 of 2 wait")) await Bun.sleep(100);
  },
);

test("a machine that was started ahead of a start that fails ends with it", async () => {
  const { Id: id } = await daemon.api.ok("POST", "/containers/create", { json: { Image: "busybox", Cmd: ["true"] } });
  const state = join(daemon.execRoot, "runtime/isle-vm", id);
  await daemon.inNamespaces(["mkdir", "-p", state]);
  expect((await daemon.api.post(`/containers/${id}/start`)).status).toBe(500);
  const ends = `until [ -z "$(ls ${daemon.execRoot}/microvms/ahead)" ] && ! grep -ls ${id} /proc/[0-9]*/cgroup; do sleep 0.1; done`;
  expect((await daemon.inNamespaces(["sh", "-c", ends], patience)).exitCode).toBe(0);
  await daemon.inNamespaces(["rm", "-rf", state]);
  await daemon.api.ok("POST", `/containers/${id}/start`);
  expect(await box.wait(id)).toBe(0);
  await daemon.api.delete(`/containers/${id}`);
});

test("where there is no memory for one more, that is said, and the others go on", async () => {
  const other = await box.idle();
  const id = await box.create({ script: "true", HostConfig: { Memory: 100 * 2 ** 40 } });
  const { status, json } = await daemon.api.post(`/containers/${id}/start`);
  expect([status, json.message]).toEqual([500, expect.stringMatching(/machine ended: .*(allocate memory|phys-bits)/)]);
  expect((await daemon.api.ok("GET", `/containers/${id}/json`)).State).toMatchObject({
    Status: "created",
    ExitCode: 128,
  });
  expect((await box.exec(other, "echo here")).stdout).toBe("here\n");
});

test("without a kernel the reason is told, and what is there goes on", async () => {
  const bare = await startDaemon({
    config: { "default-runtime": "isle-vm" },
    // Neither a kernel that was fetched before nor a list of packages to fetch one from.
    prepare: async ({ inNamespaces }) => {
      for (const place of ["/var/cache/isle", "/var/lib/apt/lists"]) {
        await inNamespaces(["sh", "-c", `mkdir -p ${place}; mount -t tmpfs none ${place}`]);
      }
    },
  });
  try {
    const there = new Containers(bare.api);
    const id = await there.create({ script: "true" });
    const reply = await bare.api.post(`/containers/${id}/start`);
    expect(reply.status).toBe(500);
    expect(reply.json.message).toContain("no kernel for microVMs");
    expect(await there.output("echo well", { HostConfig: { Runtime: "crun" } })).toBe("well");
  } finally {
    await bare.stop();
  }
});
