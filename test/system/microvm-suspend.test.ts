import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
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

/** A web server whose first process counts in its memory, in an open file that has no name any more, and in its log. */
const counter = `
exec 3>/count; exec 4</count; rm /count
mkdir /www; echo served > /www/index.html; httpd -h /www
trap 'echo asked to end; exit 5' TERM
i=0
while :; do echo $i; echo $i >&3; i=$((i+1)); sleep 0.05; done`;

const keep = async (id: string, verb: "suspend" | "resume") => {
  const { stdout, stderr } = await daemon.cli([verb, id], { timeoutMs: patienceMs });
  expect({ stdout, stderr }).toEqual({ stdout: `${id}\n`, stderr: "" });
};

const refusal = async (id: string, verb: "suspend" | "resume"): Promise<string> => {
  const { exitCode, stderr } = await daemon.cli([verb, id], { timeoutMs: patienceMs });
  expect(exitCode).toBe(1);
  return stderr;
};

/** What a client must find the same before and after. */
const identityOf = async (id: string): Promise<string> =>
  (
    await box.exec(
      id,
      "cat /proc/sys/kernel/random/boot_id /sys/class/net/eth0/address; hostname; hostname -i; ip route",
    )
  ).stdout;

const processesOf = async (id: string): Promise<string> =>
  (await daemon.inNamespaces(["sh", "-c", `ps -e -o args= | grep -c "[ /=]${id}" || true`])).stdout.trim();

/** Every number from 0 on, once. */
async function expectWholeCount(id: string): Promise<number> {
  const numbers = (await box.logs(id)).stdout.split("\n").filter((line) => /^\d+$/.test(line));
  expect(numbers).toEqual(numbers.map((_, i) => String(i)));
  return numbers.length;
}

async function countsOn(id: string): Promise<void> {
  const before = await expectWholeCount(id);
  await eventually(
    () => expectWholeCount(id),
    (count) => expect(count).toBeGreaterThan(before + 2),
    patienceMs,
  );
}

const served = async (port: string): Promise<string> =>
  (await daemon.inNamespaces(["bash", "-c", webGet("127.0.0.1", Number(port))])).stdout;

test("a machine that is suspended has no process, and goes on where it was with all that it had", async () => {
  const id = await box.start({
    script: counter,
    HostConfig: { PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }] } },
  });
  await box.untilLog(id, "3\n");
  const port = (await box.inspect(id)).NetworkSettings.Ports["80/tcp"][0].HostPort;
  const before = await identityOf(id);
  const following = box.untilLog(id, "asked to end");
  await keep(id, "suspend");
  expect(await processesOf(id)).toBe("0");
  expect(await box.state(id)).toMatchObject({ Status: "paused", Paused: true, Running: true, Pid: 0 });
  const [listed] = await daemon.api.ok("GET", "/containers/json");
  expect(listed.Status).toMatch(/^Up .*\(Suspended\)$/);
  const still = await expectWholeCount(id);
  await Bun.sleep(1500);
  expect(await expectWholeCount(id)).toBe(still);
  await keep(id, "resume");
  expect(await identityOf(id)).toBe(before);
  const begin = Date.now() / 1000;
  const seconds = Number((await box.exec(id, "date +%s")).stdout);
  expect(seconds).toBeGreaterThan(begin - 5);
  expect(seconds).toBeLessThan(Date.now() / 1000 + 5);
  expect((await box.exec(id, "cat /proc/1/fd/4 | head -3")).stdout).toBe("0\n1\n2\n");
  expect(await served(port)).toBe("served\n");
  await countsOn(id);
  // Once more: a machine that went on can be saved like any other. A stop lets it go on, so that it can end well.
  await keep(id, "suspend");
  await daemon.api.ok("POST", `/containers/${id}/stop`);
  expect((await box.state(id)).ExitCode).toBe(5);
  await following;
  await expectWholeCount(id);
  await daemon.api.ok("POST", `/containers/${id}/start`);
  await box.untilLog(id, "0\n");
}, 240_000);

test("machines from a template and from the pool are suspended like those that booted; events tell of it", async () => {
  const first = await box.idle();
  await eventually(
    async () => (await daemon.api.ok("GET", "/info")).Runtimes["isle-vm"].status["isle.vm.pool"],
    (text) => expect(text).toBe("1 of 1 wait"),
    patienceMs,
  );
  const waiting = await daemon.cli(["system", "df"]);
  expect(waiting.stdout).toMatch(/^Waiting MicroVMs +1 +0 +\d/m);
  expect(waiting.stdout).toMatch(/^Waiting \(memory\) +1 +0 +[\d.]+MB/m);
  const since = Math.floor(Date.now() / 1000);
  const ids = [await box.idle(), await box.idle()];
  for (const id of ids) {
    await box.exec(id, "echo kept > /dev/shm/kept");
    await keep(id, "suspend");
  }
  await box.event(ids[0]!, "suspend", since);
  const { stdout } = await daemon.cli(["system", "df"]);
  expect(stdout).toMatch(/^MicroVM Templates +1 +0 +\d/m);
  expect(stdout).toMatch(/^Suspended MicroVMs +2 +0 +\d[\d.]*MB/m);
  for (const id of ids) {
    await daemon.api.ok("POST", `/containers/${id}/start`);
    expect((await box.exec(id, "cat /dev/shm/kept")).stdout).toBe("kept\n");
    await box.event(id, "resume", since);
  }
  expect((await box.exec(first, "echo there")).stdout).toBe("there\n");
}, 240_000);

test("a suspended machine outlives the daemon, and the host's next start, with its address and ports", async () => {
  const id = await box.start({
    script: counter,
    HostConfig: { PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }] } },
  });
  await box.untilLog(id, "3\n");
  const before = await identityOf(id);
  const port = (await box.inspect(id)).NetworkSettings.Ports["80/tcp"][0].HostPort;
  await keep(id, "suspend");
  await daemon.restart();
  expect((await box.state(id)).Status).toBe("paused");
  await daemon.api.ok("POST", `/containers/${id}/unpause`);
  expect(await identityOf(id)).toBe(before);
  await countsOn(id);
  await keep(id, "suspend");
  await daemon.kill();
  await loseWhatABootLoses();
  await daemon.restart();
  expect((await box.state(id)).Status).toBe("paused");
  await box.idle({ HostConfig: { Runtime: "crun" } });
  await keep(id, "resume");
  expect(await identityOf(id)).toBe(before);
  expect(await served(port)).toBe("served\n");
  await countsOn(id);
}, 240_000);

async function loseWhatABootLoses(): Promise<void> {
  const { dataRoot, execRoot } = daemon;
  const script = `for each in $(grep -o ' ${daemon.directory}/[^ ]*' /proc/self/mounts | sort -r); do umount -l $each; done
    rm -rf ${execRoot}/*; for link in $(ls /sys/class/net | grep -v '^lo$'); do ip link del $link; done; true`;
  await daemon.inNamespaces(["sh", "-c", script]);
  writeFileSync(join(dataRoot, "boot-id"), "another\n");
}

test("what a suspended machine cannot do is refused with the way out, and it can be killed and removed", async () => {
  const id = await box.idle();
  expect(await refusal(id, "resume")).toContain("is not suspended");
  await keep(id, "suspend");
  for (const [verb, what] of [
    ["exec", ["true"]],
    ["top", []],
  ] as const) {
    const { stderr } = await daemon.cli([verb, id, ...what]);
    expect(stderr).toMatch(/is suspended.*isle resume/s);
  }
  expect((await daemon.cli(["cp", `${id}:/etc/hostname`, "-"])).stderr).toContain("is suspended");
  expect((await daemon.cli(["pause", id])).stderr).toContain("is suspended");
  expect(await refusal(id, "suspend")).toContain("is suspended");
  expect((await daemon.cli(["rm", id])).stderr).toContain("is suspended");
  await daemon.api.ok("POST", `/containers/${id}/kill`);
  expect(await box.state(id)).toMatchObject({ Status: "exited", ExitCode: 137 });
  const held = (await daemon.inNamespaces(["ls", join(daemon.dataRoot, "instances", id)])).stdout;
  expect(held).not.toContain("suspended");
  await daemon.api.ok("POST", `/containers/${id}/start`);
  await keep(id, "suspend");
  await box.remove(id);
  expect((await daemon.inNamespaces(["ls", join(daemon.dataRoot, "instances")])).stdout).not.toContain(id);
}, 240_000);

test("what cannot be suspended is refused by name before anything changes", async () => {
  const container = await box.idle({ HostConfig: { Runtime: "crun" } });
  expect(await refusal(container, "suspend")).toMatch(/only microVMs can be saved.*isle pause/s);
  const shared = await box.idle({ HostConfig: { Binds: [`${daemon.directory}:/shared`] } });
  expect(await refusal(shared, "suspend")).toContain("volumes or binds cannot be saved");
  expect((await box.exec(shared, "ls -d /shared")).stdout).toBe("/shared\n");
  const id = await box.idle();
  const made = await daemon.api.ok("POST", `/containers/${id}/exec`, {
    json: { Cmd: ["cat"], AttachStdin: true, AttachStdout: true },
  });
  const session = await daemon.api.hijack(`/exec/${made.Id}/start`, { json: {} });
  expect(await refusal(id, "suspend")).toContain("1 commands run in it by exec");
  session.write("still here\n");
  await session.until("still here");
  session.halfClose();
  await session.rest();
  await daemon.api.ok("POST", `/containers/${id}/pause`);
  expect(await refusal(id, "suspend")).toMatch(/is paused.*isle unpause/s);
}, 240_000);

test("a saved state that was damaged is not used, and that is told", async () => {
  const id = await box.idle();
  await keep(id, "suspend");
  const state = join(daemon.dataRoot, "instances", id, "suspended/state");
  writeFileSync(state, readFileSync(state).subarray(0, 1000));
  expect(await refusal(id, "resume")).toMatch(/cannot be used: a part of it is missing.*kill it and start it anew/s);
  expect((await box.state(id)).Status).toBe("paused");
  await daemon.api.ok("POST", `/containers/${id}/kill`);
  await daemon.api.ok("POST", `/containers/${id}/start`);
  expect((await box.exec(id, "echo anew")).stdout).toBe("anew\n");
}, 240_000);
