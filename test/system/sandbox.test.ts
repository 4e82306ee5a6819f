import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ContainerRequest, Containers } from "../support/containers.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { runscProgram, withRunsc } from "../support/runsc.ts";

if (!runscProgram) console.log("SKIPPED sandboxes: there is no runsc");

const withGvisor = test.skipIf(!runscProgram);
let daemon: TestDaemon;
let box: Containers;
beforeAll(async () => {
  if (!runscProgram) return;
  daemon = await startDaemon({ env: withRunsc() });
  box = new Containers(daemon.api);
});
afterEach(() => box?.clear());
afterAll(() => daemon?.stop());

const sandboxed = (request: ContainerRequest = {}): ContainerRequest => ({
  ...request,
  HostConfig: { ...request.HostConfig, Runtime: "gvisor" },
});

withGvisor("a command runs on gVisor's kernel, with its output, error output and exit code", async () => {
  const { exitCode, stdout, stderr } = await box.run(
    sandboxed({ script: "dmesg | head -1; echo to stderr >&2; hostname; exit 7", Hostname: "boxed" }),
  );
  expect([exitCode, stderr]).toEqual([7, "to stderr\n"]);
  expect(stdout).toContain("Starting gVisor");
  expect(stdout).toEndWith("boxed\n");
});

withGvisor("user, environment, working directory, limits and a read-only root are honoured", async () => {
  const script = "id -u; id -g; pwd; echo $GREETING; ulimit -n; touch /x || echo read-only";
  const { stdout } = await box.run(
    sandboxed({
      script,
      User: "1000:2000",
      Env: ["GREETING=hello"],
      WorkingDir: "/tmp",
      HostConfig: { ReadonlyRootfs: true, Ulimits: [{ Name: "nofile", Soft: 100, Hard: 200 }] },
    }),
  );
  expect(stdout.trim().split("\n")).toEqual(["1000", "2000", "/tmp", "hello", "100", "read-only"]);
});

withGvisor("exec runs beside it, with its own user, and a missing program is 127", async () => {
  const id = await box.idle(sandboxed());
  expect(await box.exec(id, "echo in; echo err >&2; exit 5")).toEqual({
    exitCode: 5,
    stdout: "in\n",
    stderr: "err\n",
  });
  expect((await box.exec(id, "id -u", { User: "ann" })).stdout).toBe("1000\n");
  const missing = await daemon.cli(["exec", id, "no-such-program"]);
  expect(missing.exitCode).toBe(127);
  const seen = await Promise.all(Array.from({ length: 5 }, (_, n) => box.exec(id, `echo ${n}`)));
  expect(seen.map(({ stdout }) => stdout.trim())).toEqual(["0", "1", "2", "3", "4"]);
});

withGvisor("stop sends the signal, kill ends it, and the end is recorded", async () => {
  const polite = await box.start(sandboxed({ script: "trap 'exit 9' TERM; echo up; while :; do sleep 0.1; done" }));
  await box.untilLog(polite, "up");
  await daemon.api.ok("POST", `/containers/${polite}/stop`);
  expect((await box.state(polite)).ExitCode).toBe(9);
  const deaf = await box.start(sandboxed({ Cmd: ["sleep", "3600"] }));
  await daemon.api.ok("POST", `/containers/${deaf}/kill`);
  expect(await box.wait(deaf)).toBe(137);
});

withGvisor("standard input reaches it and its end is passed on", async () => {
  const answer = await daemon.cli(
    ["run", "--rm", "-i", "--runtime", "gvisor", "busybox", "sh", "-c", "cat; echo end"],
    {
      input: "typed\n",
    },
  );
  expect([answer.exitCode, answer.stdout]).toEqual([0, "typed\nend\n"]);
});

withGvisor("a container and a sandbox reach each other, and a published port leads into the sandbox", async () => {
  const http = "mkdir -p /www; echo from the sandbox > /www/index.html; httpd -f -p 80 -h /www";
  const id = await box.start(
    sandboxed({ script: http, HostConfig: { PortBindings: { "80/tcp": [{ HostPort: "18090" }] } } }),
  );
  const address = (await box.inspect(id)).NetworkSettings.Networks.bridge.IPAddress;
  const asks = `for i in $(seq 200); do wget -q -O - http://${address}/ && exit; sleep 0.05; done; exit 1`;
  expect(await box.output(asks)).toBe("from the sandbox");
  expect(await box.output(asks, sandboxed())).toBe("from the sandbox");
  const outside = await daemon.inNamespaces([
    "bash",
    "-c",
    'exec 3<>/dev/tcp/127.0.0.1/18090; printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3; cat <&3',
  ]);
  expect(outside.stdout).toContain("from the sandbox");
});

withGvisor("files go in and out while it runs, and what it wrote is seen by diff and commit", async () => {
  const id = await box.idle(sandboxed({ name: "files" }));
  await box.exec(id, "mkdir /made && echo inside > /made/file");
  writeFileSync(join(daemon.directory, "given"), "from the host\n");
  expect((await daemon.cli(["cp", join(daemon.directory, "given"), "files:/made/given"])).exitCode).toBe(0);
  expect((await box.exec(id, "cat /made/given")).stdout).toBe("from the host\n");
  const taken = join(daemon.directory, "taken");
  expect((await daemon.cli(["cp", "files:/made/file", taken])).stderr).not.toContain("Error");
  expect(await Bun.file(taken).text()).toBe("inside\n");
  expect((await daemon.cli(["diff", "files"])).stdout).toContain("A /made/file");
  expect((await daemon.cli(["commit", "files", "kept"])).exitCode).toBe(0);
  expect(await box.output("cat /made/file", { Image: "kept" })).toBe("inside");
});

withGvisor("volumes and binds are shared with containers", async () => {
  const shared = join(daemon.directory, "shared");
  mkdirSync(shared);
  const HostConfig = { Binds: ["data:/data", `${shared}:/host`] };
  await box.output("echo of the sandbox > /data/file; echo too > /host/file", sandboxed({ HostConfig }));
  expect(await box.output("cat /data/file /host/file", { HostConfig })).toBe("of the sandbox\ntoo");
  await daemon.api.ok("DELETE", "/volumes/data");
});

withGvisor("top shows the processes inside, stats the memory of all of it", async () => {
  const id = await box.idle(sandboxed({ HostConfig: { Memory: 128 << 20 } }));
  const { Titles, Processes } = await daemon.api.ok("GET", `/containers/${id}/top`);
  expect(Titles).toEqual(["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]);
  expect(Processes.map((row: string[]) => [row[1], row[7]])).toContainEqual([
    "1",
    expect.stringMatching(/^(sh|busybox)$/),
  ]);
  const refused = await daemon.api.get(`/containers/${id}/top`, { ps_args: "aux" });
  expect(refused.json.message).toContain("ps arguments cannot be given for isolation sandbox");
  const stats = await daemon.api.ok("GET", `/containers/${id}/stats`, { query: { stream: false } });
  expect(stats.memory_stats.usage).toBeGreaterThan(1 << 20);
  expect(stats.memory_stats.limit).toBe(128 << 20);
});

withGvisor("a workload that wants more memory than its limit is killed for it", async () => {
  const hog = sandboxed({ script: "x=a; while :; do x=$x$x; done", HostConfig: { Memory: 64 << 20 } });
  const { id, exitCode } = await box.finish(hog);
  expect(exitCode).toBeGreaterThan(0);
  expect(await box.state(id)).toMatchObject({ Status: "exited", OOMKilled: true });
});

withGvisor("pause and unpause hold and release it", async () => {
  const id = await box.start(sandboxed({ script: "echo up; while :; do sleep 0.1; done" }));
  await box.untilLog(id, "up");
  await daemon.api.ok("POST", `/containers/${id}/pause`);
  expect((await box.state(id)).Status).toBe("paused");
  await daemon.api.ok("POST", `/containers/${id}/unpause`);
  expect((await box.exec(id, "echo on")).stdout).toBe("on\n");
});

withGvisor("it outlives the daemon, and its end is known afterwards", async () => {
  const id = await box.start(sandboxed({ script: "while [ ! -e /stop ]; do sleep 0.1; done; exit 3" }));
  await daemon.kill();
  await daemon.restart();
  expect((await box.state(id)).Status).toBe("running");
  await box.exec(id, "touch /stop");
  expect(await box.wait(id)).toBe(3);
});

withGvisor("what gVisor cannot do is refused before anything is made", async () => {
  for (const flag of [
    ["--network", "host"],
    ["--pid", "host"],
    ["--device", "/dev/null"],
  ]) {
    const { exitCode, stderr } = await daemon.cli(["run", "--runtime", "gvisor", ...flag, "busybox", "true"]);
    expect(exitCode).toBe(125);
    expect(stderr).toContain("isolation sandbox cannot");
  }
  expect(await daemon.api.ok("GET", "/containers/json", { query: { all: true } })).toEqual([]);
});
