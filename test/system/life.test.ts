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

const filtered = async (filters: object, more: object = {}): Promise<string[]> =>
  (await daemon.api.ok("GET", "/containers/json", { query: { all: true, filters: JSON.stringify(filters), ...more } }))
    .map(({ Names }: { Names: string[] }) => Names[0]!.slice(1))
    .sort();

test("a container goes through created, running, exited and gone, and inspect tells each", async () => {
  const id = await box.create({ name: "life", script: "sleep 3600", Labels: { a: "b" } });
  expect(await box.state(id)).toMatchObject({ Status: "created", Running: false, Pid: 0, ExitCode: 0 });
  expect((await daemon.api.post(`/containers/${id}/start`)).status).toBe(204);
  expect((await daemon.api.post(`/containers/${id}/start`)).status).toBe(304);
  const running = await box.inspect(id);
  expect(running).toMatchObject({ Name: "/life", Path: "sh", Args: ["-c", "sleep 3600"], RestartCount: 0 });
  expect(running.State).toMatchObject({ Status: "running", Running: true, Paused: false, OOMKilled: false });
  expect(running.State.Pid).toBeGreaterThan(1);
  expect((await daemon.api.post(`/containers/life/kill`, { query: { signal: "KILL" } })).status).toBe(204);
  await box.wait(id);
  const ended = await box.state(id);
  expect(ended).toMatchObject({ Status: "exited", Running: false, ExitCode: 137, Pid: 0 });
  expect(Date.parse(ended.FinishedAt)).toBeGreaterThanOrEqual(Date.parse(ended.StartedAt));
  expect((await daemon.api.delete("/containers/life")).status).toBe(204);
  const gone = await daemon.api.get(`/containers/${id}/json`);
  expect([gone.status, gone.json.message]).toEqual([404, `No such container: ${id}`]);
});

test("containers answer to their id, a prefix of it and their name", async () => {
  const id = await box.create({ name: "many-names" });
  for (const name of [id, id.slice(0, 12), id.slice(0, 4), "many-names"]) expect((await box.inspect(name)).Id).toBe(id);
});

test("stop asks with the stop signal, and kills when the time is up", async () => {
  const polite = await box.start({ script: "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done" });
  await box.untilLog(polite, "up");
  expect((await daemon.api.post(`/containers/${polite}/stop`)).status).toBe(204);
  expect((await box.state(polite)).ExitCode).toBe(7);
  expect((await daemon.api.post(`/containers/${polite}/stop`)).status).toBe(304);
  const other = await box.start({
    script: "trap 'exit 9' USR1; echo up; while :; do sleep 0.05; done",
    StopSignal: "SIGUSR1",
  });
  await box.untilLog(other, "up");
  await daemon.api.ok("POST", `/containers/${other}/stop`);
  expect((await box.state(other)).ExitCode).toBe(9);
  const deaf = await box.start({ script: "trap '' TERM; echo up; while :; do sleep 0.05; done", StopTimeout: 1 });
  await box.untilLog(deaf, "up");
  const began = performance.now();
  await daemon.api.ok("POST", `/containers/${deaf}/stop`);
  expect(performance.now() - began).toBeWithin(900, 3000);
  expect((await box.state(deaf)).ExitCode).toBe(137);
});

test("stop with its own signal and no time to wait kills at once", async () => {
  const id = await box.start({ script: "trap '' TERM; echo up; while :; do sleep 0.05; done" });
  await box.untilLog(id, "up");
  const began = performance.now();
  await daemon.api.ok("POST", `/containers/${id}/stop`, { query: { signal: "SIGTERM", t: 0 } });
  expect(performance.now() - began).toBeLessThan(900);
  expect((await box.state(id)).ExitCode).toBe(137);
});

test("kill sends any signal by name or number, and refuses what is not running", async () => {
  const id = await box.start({
    script: "trap 'echo one' USR1; trap 'echo two' USR2; echo up; while :; do sleep 0.05; done",
  });
  await box.untilLog(id, "up");
  await daemon.api.ok("POST", `/containers/${id}/kill`, { query: { signal: "SIGUSR1" } });
  await box.untilLog(id, "one");
  await daemon.api.ok("POST", `/containers/${id}/kill`, { query: { signal: "12" } });
  await box.untilLog(id, "two");
  expect((await daemon.api.post(`/containers/${id}/kill`, { query: { signal: "SIGNOPE" } })).status).toBe(400);
  await daemon.api.ok("POST", `/containers/${id}/kill`);
  await box.wait(id);
  const late = await daemon.api.post(`/containers/${id}/kill`);
  expect([late.status, late.json.message]).toEqual([
    409,
    `cannot kill container: ${id}: container ${id} is not running`,
  ]);
});

test("restart gives a new process and counts as a start by hand", async () => {
  const id = await box.idle();
  const before = (await box.state(id)).Pid;
  expect((await daemon.api.post(`/containers/${id}/restart`, { query: { t: 1 } })).status).toBe(204);
  const after = await box.inspect(id);
  expect(after.State.Running).toBe(true);
  expect(after.State.Pid).not.toBe(before);
  expect(after.RestartCount).toBe(0);
});

test("a paused container stands still until it is unpaused", async () => {
  const id = await box.start({ script: "i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done" });
  await box.untilLog(id, "3");
  expect((await daemon.api.post(`/containers/${id}/pause`)).status).toBe(204);
  expect(await box.state(id)).toMatchObject({ Status: "paused", Running: true, Paused: true });
  const before = (await box.logs(id)).stdout;
  await Bun.sleep(150);
  expect((await box.logs(id)).stdout).toBe(before);
  expect((await daemon.api.post(`/containers/${id}/pause`)).status).toBe(409);
  expect((await daemon.api.post(`/containers/${id}/exec`, { json: { Cmd: ["true"] } })).status).toBe(409);
  expect((await daemon.api.post(`/containers/${id}/unpause`)).status).toBe(204);
  await box.untilLog(id, `${before.trim().split("\n").length + 2}\n`);
  expect((await daemon.api.post(`/containers/${id}/unpause`)).status).toBe(500);
});

test("a paused container can be killed and removed", async () => {
  const id = await box.idle();
  await daemon.api.ok("POST", `/containers/${id}/pause`);
  expect((await daemon.api.delete(`/containers/${id}`)).status).toBe(409);
  expect((await daemon.api.delete(`/containers/${id}`, { force: true })).status).toBe(204);
});

test("a new name replaces the old, and a taken one is refused", async () => {
  const id = await box.create({ name: "first" });
  const other = await box.create({ name: "second" });
  expect((await daemon.api.post(`/containers/${id}/rename`, { query: { name: "third" } })).status).toBe(204);
  expect((await box.inspect(id)).Name).toBe("/third");
  expect((await daemon.api.get("/containers/first/json")).status).toBe(404);
  const taken = await daemon.api.post(`/containers/${other}/rename`, { query: { name: "third" } });
  expect(taken.status).toBe(409);
  expect(taken.json.message).toContain(`already in use by container "${id}"`);
  expect((await daemon.api.post(`/containers/${other}/rename`, { query: { name: "" } })).status).toBe(400);
});

test("top lists processes with the columns that were asked for", async () => {
  const id = await box.idle();
  const all = await daemon.api.ok("GET", `/containers/${id}/top`);
  expect(all.Titles).toEqual(["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]);
  expect(all.Processes.length).toBeGreaterThanOrEqual(1);
  const some = await daemon.api.ok("GET", `/containers/${id}/top`, { query: { ps_args: "-o pid,comm" } });
  expect(some.Titles).toEqual(["PID", "COMMAND"]);
  expect(some.Processes.map(([pid]: string[]) => Number(pid))).toContain((await box.state(id)).Pid);
});

test("stats come once or as a stream, with sensible figures", async () => {
  const id = await box.start({ script: "while :; do :; done", HostConfig: { NanoCpus: 500_000_000 } });
  const once = await daemon.api.ok("GET", `/containers/${id}/stats`, { query: { stream: false, "one-shot": true } });
  expect(once.pids_stats.current).toBeGreaterThanOrEqual(1);
  expect(once.memory_stats.usage).toBeGreaterThan(0);
  expect(once.precpu_stats.cpu_usage?.total_usage ?? 0).toBe(0);
  const stream = await daemon.api.stream("GET", `/containers/${id}/stats`, { query: { stream: true } });
  const first = (await stream.lines.next()).value;
  const second = (await stream.lines.next()).value;
  stream.close();
  expect(second.cpu_stats.cpu_usage.total_usage).toBeGreaterThan(first.cpu_stats.cpu_usage.total_usage);
  expect(second.networks.eth0).toBeDefined();
  const both = await daemon.api.ok("GET", `/containers/${id}/stats`, { query: { stream: false } });
  expect(both.precpu_stats.cpu_usage.total_usage).toBeGreaterThan(0);
});

test("wait tells the exit code under each condition", async () => {
  const id = await box.create({ script: "exit 5" });
  expect(await box.wait(id)).toBe(0);
  const next = box.wait(id, "next-exit");
  const removed = box.wait(id, "removed");
  await daemon.api.ok("POST", `/containers/${id}/start`);
  expect(await next).toBe(5);
  expect(await box.wait(id, "not-running")).toBe(5);
  await box.remove(id);
  expect(await removed).toBe(5);
  expect((await daemon.api.post(`/containers/${id}/wait`)).status).toBe(404);
  const other = await box.create();
  expect((await daemon.api.post(`/containers/${other}/wait`, { query: { condition: "soon" } })).status).toBe(400);
});

test("a container with AutoRemove goes away by itself, after those who wait heard its exit code", async () => {
  const id = await box.create({ script: "exit 6", HostConfig: { AutoRemove: true } });
  const removed = box.wait(id, "removed");
  await daemon.api.ok("POST", `/containers/${id}/start`);
  expect(await removed).toBe(6);
  expect((await daemon.api.get(`/containers/${id}/json`)).status).toBe(404);
});

test("exit codes follow the conventions of shells", async () => {
  expect((await box.run({ script: "exit 42" })).exitCode).toBe(42);
  expect((await box.run({ script: "kill -TERM $$", HostConfig: { Init: true } })).exitCode).toBe(143);
  for (const [Cmd, code] of [
    [["/does/not/exist"], 127],
    [["nothing-in-path"], 127],
    [["/etc/passwd"], 126],
    [["/etc"], 126],
  ] as const) {
    const id = await box.create({ Cmd: [...Cmd] });
    const started = await daemon.api.post(`/containers/${id}/start`);
    expect([Cmd[0], started.status]).toEqual([Cmd[0], 400]);
    expect(started.json.message).toContain(Cmd[0]);
    const state = await box.state(id);
    expect([Cmd[0], state.ExitCode]).toEqual([Cmd[0], code]);
    expect(state.Error).not.toBe("");
  }
});

test("entrypoint, command, environment and directory of image and container join as Docker joins them", async () => {
  const base = await box.create();
  const image = await daemon.api.ok("POST", "/commit", {
    query: { container: base, repo: "entry", tag: "1" },
    json: { Entrypoint: ["echo", "entry"], Cmd: ["default"], Env: ["A=image", "B=image"], WorkingDir: "/var/data" },
  });
  expect(image.Id).toStartWith("sha256:");
  const run = async (more: object) => (await box.run({ Image: "entry:1", ...more })).stdout.trim();
  expect(await run({})).toBe("entry default");
  expect(await run({ Cmd: ["given"] })).toBe("entry given");
  expect(await run({ Entrypoint: ["echo", "mine"] })).toBe("mine");
  expect(await run({ Entrypoint: ["echo"], Cmd: ["x"] })).toBe("x");
  const shell = { Entrypoint: ["sh", "-c"], Env: ["A=container", "C=container", "B"] };
  expect(await run({ ...shell, Cmd: ["echo $A,$B,$C,$PWD"] })).toBe("container,,container,/var/data");
  expect(await run({ ...shell, Cmd: ["pwd"], WorkingDir: "/made/for/me" })).toBe("/made/for/me");
  await daemon.api.ok("DELETE", "/images/entry:1");
});

test("lists are filtered by name, id, label, status, exit code, ancestor, volume, network, port, age and health", async () => {
  const a = await box.idle({ name: "aa", Labels: { team: "red", x: "1" }, ExposedPorts: { "80/tcp": {} } });
  await box.finish({ name: "bb", script: "exit 3", Labels: { team: "blue" } });
  await box.create({ name: "cc", HostConfig: { Binds: ["vol:/v"], NetworkMode: "none" } });
  expect(await filtered({})).toEqual(["aa", "bb", "cc"]);
  expect(await filtered({ name: ["a"] })).toEqual(["aa"]);
  expect(await filtered({ name: ["^/bb$"] })).toEqual(["bb"]);
  expect(await filtered({ id: [a.slice(0, 10)] })).toEqual(["aa"]);
  expect(await filtered({ label: ["team"] })).toEqual(["aa", "bb"]);
  expect(await filtered({ label: ["team=red", "x=1"] })).toEqual(["aa"]);
  expect(await filtered({ label: { "team=blue": true } })).toEqual(["bb"]);
  expect(await filtered({ status: ["exited"] })).toEqual(["bb"]);
  expect(await filtered({ status: ["created", "running"] })).toEqual(["aa", "cc"]);
  expect(await filtered({ exited: ["3"] })).toEqual(["bb"]);
  expect(await filtered({ ancestor: ["busybox"] })).toEqual(["aa", "bb", "cc"]);
  expect(await filtered({ ancestor: ["nothing"] })).toEqual([]);
  expect(await filtered({ volume: ["vol"] })).toEqual(["cc"]);
  expect(await filtered({ volume: ["/v"] })).toEqual(["cc"]);
  expect(await filtered({ network: ["none"] })).toEqual(["cc"]);
  expect(await filtered({ expose: ["80"] })).toEqual(["aa"]);
  expect(await filtered({ before: ["bb"] })).toEqual(["aa"]);
  expect(await filtered({ since: ["bb"] })).toEqual(["cc"]);
  expect(await filtered({ health: ["none"] })).toEqual(["aa", "bb", "cc"]);
  expect(await filtered({}, { limit: 1 })).toEqual(["cc"]);
  const running = await daemon.api.ok("GET", "/containers/json");
  expect(running.map(({ Id }: { Id: string }) => Id)).toEqual([a]);
  expect((await daemon.api.get("/containers/json", { filters: '{"nope":["1"]}' })).status).toBe(400);
  expect((await daemon.api.get("/containers/json", { filters: '{"status":["odd"]}' })).status).toBe(400);
});

test("inspect and list tell sizes when asked", async () => {
  const { id } = await box.finish({ script: "dd if=/dev/zero of=/big bs=1k count=300 2>/dev/null" });
  const plain = await box.inspect(id);
  expect(plain.SizeRw ?? null).toBeNull();
  const sized = await daemon.api.ok("GET", `/containers/${id}/json`, { query: { size: true } });
  expect(sized.SizeRw).toBeWithin(300 * 1024, 330 * 1024);
  expect(sized.SizeRootFs).toBeGreaterThan(sized.SizeRw + 500_000);
  const [listed] = await daemon.api.ok("GET", "/containers/json", { query: { all: true, size: true } });
  expect([listed.SizeRw, listed.SizeRootFs]).toEqual([sized.SizeRw, sized.SizeRootFs]);
});

test("prune removes what has ended, within its filters", async () => {
  await box.idle({ name: "stays" });
  await box.finish({ name: "keep", script: "true", Labels: { keep: "1" } });
  await box.finish({ name: "goes", script: "echo x > /file" });
  const filters = JSON.stringify({ "label!": ["keep"] });
  const pruned = await daemon.api.ok("POST", "/containers/prune", { query: { filters } });
  expect(pruned.ContainersDeleted).toHaveLength(1);
  expect(pruned.SpaceReclaimed).toBeGreaterThan(0);
  expect(await filtered({})).toEqual(["keep", "stays"]);
});

test("update changes limits and restart policy of a running container", async () => {
  const id = await box.idle({ HostConfig: { Memory: 64 << 20, MemorySwap: 128 << 20 } });
  const changed = await daemon.api.ok("POST", `/containers/${id}/update`, {
    json: {
      Memory: 32 << 20,
      MemorySwap: 64 << 20,
      PidsLimit: 33,
      RestartPolicy: { Name: "on-failure", MaximumRetryCount: 4 },
    },
  });
  expect(changed.Warnings ?? []).toEqual([]);
  const { HostConfig } = await box.inspect(id);
  expect(HostConfig).toMatchObject({ Memory: 32 << 20, MemorySwap: 64 << 20, PidsLimit: 33 });
  expect(HostConfig.RestartPolicy).toEqual({ Name: "on-failure", MaximumRetryCount: 4 });
  const stats = await daemon.api.ok("GET", `/containers/${id}/stats`, { query: { stream: false, "one-shot": true } });
  expect([stats.memory_stats.limit, stats.pids_stats.limit]).toEqual([32 << 20, 33]);
});

test("a terminal is as large as resize says", async () => {
  const id = await box.start({
    Tty: true,
    OpenStdin: true,
    script: "trap 'stty size' WINCH; echo up; while :; do sleep 0.05; done",
  });
  await box.untilLog(id, "up");
  expect((await daemon.api.post(`/containers/${id}/resize`, { query: { h: 33, w: 101 } })).status).toBe(200);
  await box.untilLog(id, "33 101");
  expect((await daemon.api.post(`/containers/${id}/resize`, { query: { h: "x", w: 1 } })).status).toBe(400);
});

test("a create refused for any reason leaves nothing", async () => {
  for (const [body, status] of [
    [{ Image: "absent" }, 404],
    [{ Image: "busybox", HostConfig: { Memory: 1 } }, 400],
    [{ Image: "busybox", HostConfig: { Binds: ["bad:path"] } }, 400],
    [{ Image: "busybox", HostConfig: { Runtime: "absent" } }, 400],
    [{ Image: "busybox", WorkingDir: "relative" }, 400],
    [{ Image: "busybox", StopSignal: "SIGNONE" }, 400],
    [{}, 400],
  ] as const) {
    const reply = await daemon.api.post("/containers/create", { json: body });
    expect([body, reply.status]).toEqual([body, status]);
    expect(reply.json.message).not.toBe("");
  }
  expect(await filtered({})).toEqual([]);
});

test("an image of another platform is refused when asked for, and warned about otherwise", async () => {
  const root = await daemon.api.request("GET", "/images/busybox/json");
  expect(root.json.Architecture).toBe("amd64");
  const refused = await daemon.api.post("/containers/create", {
    query: { platform: "linux/arm64" },
    json: { Image: "busybox" },
  });
  expect(refused.status).toBe(404);
  expect(refused.json.message).toContain("linux/arm64");
});

test("GPUs are refused with the reason", async () => {
  const id = await daemon.api.post("/containers/create", {
    json: { Image: "busybox", HostConfig: { DeviceRequests: [{ Count: -1, Capabilities: [["gpu"]] }] } },
  });
  const reply = id.status === 201 ? await daemon.api.post(`/containers/${id.json.Id}/start`) : id;
  expect(reply.status).toBeGreaterThanOrEqual(400);
  expect(reply.json.message).toContain("could not select device driver");
});

test("annotations reach the runtime and inspect", async () => {
  const id = await box.create({ HostConfig: { Annotations: { "com.example.a": "b" } } });
  expect((await box.inspect(id)).HostConfig.Annotations).toEqual({ "com.example.a": "b" });
});

test("docker writes the id to its cidfile", async () => {
  const file = `${daemon.directory}/cid`;
  const ran = await daemon.docker(["run", "-d", "--cidfile", file, "busybox", "true"]);
  expect((await Bun.file(file).text()).trim()).toBe(ran.stdout.trim());
});
