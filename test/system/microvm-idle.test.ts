import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { Containers } from "../support/containers.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { eventually } from "../support/leaks.ts";

let daemon: TestDaemon;
let box: Containers;
beforeAll(async () => {
  daemon = await startDaemon({ config: { "default-runtime": "isle-vm", "microvm-pool": 0 } });
  box = new Containers(daemon.api);
});
afterEach(() => box.clear());
afterAll(() => daemon.stop());

const patienceMs = 110_000;
const isle = (...args: string[]) => daemon.cli(args, { timeoutMs: patienceMs });

const untilAsleep = (id: string) =>
  eventually(
    () => box.state(id),
    ({ Status }) => expect(Status).toBe("paused"),
    patienceMs,
  );

const server = "mkdir -p /www; echo served > /www/index.html; exec httpd -f -h /www";

/** One connection, which may take its time but is not tried again. */
const askOnce = async (port: number): Promise<string> => {
  const script = `exec 3<>/dev/tcp/127.0.0.1/${port}; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3`;
  return (await daemon.inNamespaces(["timeout", "100", "bash", "-c", script])).stdout.split("\r\n\r\n").at(-1) ?? "";
};

test("an idle machine is suspended, and wakes for a connection, a command, a client and a start", async () => {
  const run = await isle(
    ...["run", "-d", "-i", "--suspend-after", "1s", "-p", "127.0.0.1:18080:80", "busybox", "sh", "-c", server],
  );
  const id = run.stdout.trim();
  const since = Math.floor(Date.now() / 1000);
  await box.event(id, "suspend", since);
  await untilAsleep(id);
  expect(await askOnce(18080)).toBe("served\n");
  await untilAsleep(id);
  expect((await isle("exec", id, "echo", "awake")).stdout).toBe("awake\n");
  await untilAsleep(id);
  const attached = await daemon.api.hijack(`/containers/${id}/attach`, { query: { stream: true, stdin: true } });
  expect((await box.state(id)).Status).toBe("running");
  // It stays awake as long as somebody is there, and nobody puts it to sleep by hand either.
  await Bun.sleep(3000);
  expect((await box.state(id)).Status).toBe("running");
  expect((await isle("suspend", id)).stderr).toContain("attached to its standard input");
  attached.destroy();
  await untilAsleep(id);
  // The next daemon takes over.
  await daemon.restart();
  expect((await box.state(id)).Status).toBe("paused");
  expect(await askOnce(18080)).toBe("served\n");
  await untilAsleep(id);
  await daemon.api.ok("POST", `/containers/${id}/start`);
  // By hand it sleeps until it is woken by hand.
  await isle("suspend", id);
  expect((await isle("exec", id, "true")).stderr).toContain("is suspended");
  expect((await box.state(id)).Status).toBe("paused");
}, 240_000);

test("a neighbour on its network wakes it by its name", async () => {
  await daemon.api.ok("POST", "/networks/create", { json: { Name: "yard" } });
  const id = await box.start({
    name: "sleeper",
    script: server,
    Labels: { "isle.suspend-after": "1s" },
    HostConfig: { NetworkMode: "yard" },
  });
  await untilAsleep(id);
  const ask = "timeout 100 wget -qO- http://sleeper/";
  const HostConfig = { NetworkMode: "yard", Runtime: "crun" };
  expect(await box.output(ask, { HostConfig })).toBe("served");
  await box.clear();
  await daemon.api.ok("DELETE", "/networks/yard");
}, 240_000);

test("one that works, or in which a command runs, is left alone", async () => {
  const Labels = { "isle.suspend-after": "1s" };
  const works = await box.start({ Labels, script: "while :; do :; done" });
  const waits = await box.idle({ Labels });
  const made = await daemon.api.ok("POST", `/containers/${waits}/exec`, {
    json: { Cmd: ["cat"], AttachStdin: true, AttachStdout: true },
  });
  const session = await daemon.api.hijack(`/exec/${made.Id}/start`, { json: {} });
  session.write("here\n");
  await session.until("here");
  await Bun.sleep(4000);
  for (const id of [works, waits]) expect((await box.state(id)).Status).toBe("running");
  session.halfClose();
  await session.rest();
  await untilAsleep(waits);
  expect((await box.state(works)).Status).toBe("running");
}, 240_000);

test("what could never be suspended is refused when it is made", async () => {
  const refusal = async (...args: string[]) => (await isle("create", ...args, "busybox", "true")).stderr;
  expect(await refusal("--suspend-after", "1s", "--runtime", "crun")).toContain("only microVMs can be saved");
  expect(await refusal("--suspend-after", "1s", "-v", "/usr:/usr:ro")).toContain("with volumes or binds");
  expect(await refusal("--suspend-after", "10ms")).toContain("want at least 1s, got 10ms");
  expect(await refusal("--suspend-after", "soon")).toContain('invalid duration "soon"');
}, 240_000);
