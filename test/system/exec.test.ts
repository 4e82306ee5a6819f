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

const make = async (id: string, json: object): Promise<string> =>
  (await daemon.api.ok("POST", `/containers/${id}/exec`, { json: { AttachStdout: true, AttachStderr: true, ...json } }))
    .Id;

test("a command runs inside with its output by stream and its exit code", async () => {
  const id = await box.idle();
  expect(await box.exec(id, "echo out; echo err >&2; exit 9")).toEqual({
    exitCode: 9,
    stdout: "out\n",
    stderr: "err\n",
  });
  expect((await box.exec(id, ["no-such-program"])).exitCode).toBe(127);
  expect((await box.exec(id, ["/etc/passwd"])).exitCode).toBe(126);
  expect((await box.exec(id, "kill -9 $$")).exitCode).toBe(137);
});

test("environment, user and directory are the container's unless told", async () => {
  const id = await box.idle({ Env: ["A=1"], WorkingDir: "/var/data", Hostname: "inside" });
  expect((await box.exec(id, "echo $A $B $PWD $(id -u) $(hostname)")).stdout).toBe("1 /var/data 0 inside\n");
  const told = { Env: ["A=2", "B=3"], WorkingDir: "/tmp", User: "ann" };
  expect((await box.exec(id, "echo $A $B $PWD $(id -u):$(id -g) $(id -G) $HOME", told)).stdout).toBe(
    "2 3 /tmp 1000:1000 1000 10 2000 /home/ann\n",
  );
  expect((await box.exec(id, "id -u; id -g", { User: "7:8" })).stdout).toBe("7\n8\n");
  expect((await box.exec(id, "id -g", { User: "ann:wheel" })).stdout).toBe("10\n");
});

test("an unknown user is refused in Docker's words", async () => {
  const id = await box.idle();
  const reply = await daemon.api.post(`/containers/${id}/exec`, { json: { Cmd: ["true"], User: "nobody-here" } });
  expect(reply.status).toBe(400);
  expect(reply.json.message).toBe("unable to find user nobody-here: no matching entries in passwd file");
});

test("a privileged command has all capabilities, another those of the container", async () => {
  const id = await box.idle();
  const effective = async (Privileged: boolean) =>
    /CapEff:\s*(\w+)/.exec((await box.exec(id, "cat /proc/self/status", { Privileged })).stdout)![1]!;
  expect(await effective(false)).toBe("00000000a80425fb");
  expect(BigInt(`0x${await effective(true)}`) & (1n << 21n)).not.toBe(0n);
});

test("input passes until half-close", async () => {
  const id = await box.idle();
  const exec = await make(id, { Cmd: ["cat"], AttachStdin: true });
  const session = await daemon.api.hijack(`/exec/${exec}/start`, { json: {} });
  session.write("to and fro\n");
  await session.until("to and fro");
  session.halfClose();
  expect((await session.frames()).stdout).toBe("to and fro\n");
  expect((await daemon.api.ok("GET", `/exec/${exec}/json`)).ExitCode).toBe(0);
});

test("a terminal has the size it was made with and follows resize", async () => {
  const id = await box.idle();
  const exec = await make(id, { Cmd: ["sh"], Tty: true, AttachStdin: true, ConsoleSize: [20, 70] });
  const session = await daemon.api.hijack(`/exec/${exec}/start`, { json: { Tty: true, ConsoleSize: [20, 70] } });
  session.write("stty size\n");
  await session.until("20 70");
  expect((await daemon.api.post(`/exec/${exec}/resize`, { query: { h: 31, w: 99 } })).status).toBe(200);
  session.write('until [ "$(stty size)" = "31 99" ]; do sleep 0.02; done; exit 4\n');
  await session.rest();
  expect((await daemon.api.ok("GET", `/exec/${exec}/json`)).ExitCode).toBe(4);
});

test("a detached command goes on by itself", async () => {
  const id = await box.idle();
  const exec = await make(id, { Cmd: ["sh", "-c", "echo done > /mark; exit 3"] });
  const died = box.event(id, "exec_die", Date.now() / 1000 - 1);
  expect((await daemon.api.post(`/exec/${exec}/start`, { json: { Detach: true } })).status).toBe(200);
  expect((await died).Actor.Attributes.exitCode).toBe("3");
  expect((await box.exec(id, "cat /mark")).stdout).toBe("done\n");
  const shown = await daemon.api.ok("GET", `/exec/${exec}/json`);
  expect(shown).toMatchObject({ ID: exec, Running: false, ExitCode: 3, ContainerID: id });
});

test("a running command is shown by the container until it ends", async () => {
  const id = await box.idle();
  const exec = await make(id, { Cmd: ["cat"], AttachStdin: true });
  const session = await daemon.api.hijack(`/exec/${exec}/start`, { json: {} });
  session.write("x\n");
  await session.until("x");
  const shown = await daemon.api.ok("GET", `/exec/${exec}/json`);
  expect(shown.Running).toBe(true);
  expect((await box.inspect(id)).ExecIDs).toEqual([exec]);
  expect((await daemon.api.post(`/exec/${exec}/start`, { json: {} })).status).toBe(409);
  session.halfClose();
  await session.rest();
  expect((await box.inspect(id)).ExecIDs ?? []).toEqual([]);
});

test("a command ends with its container", async () => {
  const id = await box.idle();
  const exec = await make(id, { Cmd: ["sleep", "3600"] });
  const session = await daemon.api.hijack(`/exec/${exec}/start`, { json: {} });
  await daemon.api.ok("POST", `/containers/${id}/kill`);
  await session.rest();
  expect((await daemon.api.get(`/exec/${exec}/json`)).status).toBeOneOf([200, 404]);
});

test("twenty commands at a time each get their own output", async () => {
  const id = await box.idle();
  const outputs = await Promise.all(Array.from({ length: 20 }, (_, i) => box.exec(id, `echo ${i}; exit ${i}`)));
  expect(outputs).toEqual(Array.from({ length: 20 }, (_, i) => ({ exitCode: i, stdout: `${i}\n`, stderr: "" })));
});

test("what a command prints to a terminal last arrives too, however many run beside it", async () => {
  const id = await box.idle();
  const lane = async () => {
    for (let i = 0; i < 15; i++) {
      const { stdout } = await box.exec(id, "head -c 1000 /dev/zero | tr '\\0' x; echo end", { Tty: true });
      expect(stdout).toBe(`${"x".repeat(1000)}end\r\n`);
    }
  };
  await Promise.all([lane(), lane(), lane(), lane()]);
});

test("what cannot run is refused before it starts", async () => {
  const id = await box.create();
  const stopped = await daemon.api.post(`/containers/${id}/exec`, { json: { Cmd: ["true"] } });
  expect([stopped.status, stopped.json.message]).toEqual([409, `container ${id} is not running`]);
  const running = await box.idle();
  expect((await daemon.api.post(`/containers/${running}/exec`, { json: { Cmd: [] } })).status).toBe(400);
  expect((await daemon.api.post("/exec/absent/start", { json: {} })).status).toBe(404);
  expect((await daemon.api.get("/exec/absent/json")).status).toBe(404);
});

test("the reason why a command cannot run is told once", async () => {
  const id = await box.idle();
  const attempts = [
    { command: ["no-such-program"], reason: "executable file not found in $PATH" },
    { command: ["true"], request: { WorkingDir: "/no/such" }, reason: "No such file or directory" },
  ];
  for (const { command, request, reason } of attempts) {
    const { exitCode, stdout, stderr } = await box.exec(id, command, request);
    expect(stderr).toBe("");
    expect(stdout.split(reason)).toHaveLength(2);
    expect(exitCode).toBe(127);
  }
  expect((await box.exec(id, "echo 'chdir `x`: y' >&2")).stderr).toBe("chdir `x`: y\n");
});
