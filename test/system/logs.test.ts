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

const numbers = "for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done";

test("logs tell stdout from stderr, and give either alone", async () => {
  const { id } = await box.finish({ script: numbers });
  const both = await box.logs(id);
  expect(both.stdout.split("\n").filter(Boolean)).toHaveLength(5);
  expect(both.stderr.split("\n").filter(Boolean)).toHaveLength(5);
  expect(await box.logs(id, { stderr: false })).toEqual({ stdout: both.stdout, stderr: "" });
  expect(await box.logs(id, { stdout: false })).toEqual({ stdout: "", stderr: both.stderr });
  const neither = await daemon.api.get(`/containers/${id}/logs`);
  expect(neither.status).toBe(400);
});

test("tail counts lines from the end", async () => {
  const { id } = await box.finish({ script: "seq 1 1000" });
  expect((await box.logs(id, { tail: 3 })).stdout).toBe("998\n999\n1000\n");
  expect((await box.logs(id, { tail: 0 })).stdout).toBe("");
  expect((await box.logs(id, { tail: "all" })).stdout.split("\n")).toHaveLength(1001);
  expect((await box.logs(id, { tail: 5000 })).stdout.split("\n")).toHaveLength(1001);
});

test("timestamps and details precede each line", async () => {
  const { id } = await box.finish({
    script: "echo hello",
    Labels: { shown: "yes", other: "no" },
    Env: ["SEEN=1"],
    HostConfig: { LogConfig: { Type: "json-file", Config: { labels: "shown", env: "SEEN" } } },
  });
  expect((await box.logs(id, { timestamps: true })).stdout).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z hello\n$/);
  expect((await box.logs(id, { details: true })).stdout).toBeOneOf([
    "SEEN=1,shown=yes hello\n",
    "shown=yes,SEEN=1 hello\n",
  ]);
});

test("since and until cut by time", async () => {
  const { id } = await box.finish({ script: "echo one; sleep 1.1; echo two" });
  const stamps = (await box.logs(id, { timestamps: true })).stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => line.split(" ")[0]!);
  const second = Date.parse(stamps[1]!) / 1000 - 0.5;
  expect((await box.logs(id, { since: second.toFixed(3) })).stdout).toBe("two\n");
  expect((await box.logs(id, { until: second.toFixed(3) })).stdout).toBe("one\n");
  expect((await daemon.api.get(`/containers/${id}/logs`, { stdout: true, since: "never" })).status).toBe(400);
});

test("a follower gets every line, those from before and those to come, and the end", async () => {
  const id = await box.start({
    script: "seq 1 50; echo halfway; read line; seq 51 5000",
    OpenStdin: true,
    StdinOnce: true,
  });
  await box.untilLog(id, "halfway");
  const followed = box.logs(id, { follow: true });
  const input = await daemon.api.hijack(`/containers/${id}/attach`, { query: { stream: true, stdin: true } });
  input.write("go\n");
  const expected = Array.from({ length: 5000 }, (_, i) => String(i + 1));
  expect((await followed).stdout.split("\n").filter((line) => /^\d+$/.test(line))).toEqual(expected);
  input.destroy();
});

test("a follower of a created container sees it from its start", async () => {
  const id = await box.create({ script: "echo first; echo last" });
  const followed = box.logs(id, { follow: true });
  await daemon.api.ok("POST", `/containers/${id}/start`);
  expect((await followed).stdout).toBe("first\nlast\n");
});

test("bytes come through as they were written, without a newline at the end too", async () => {
  const { id } = await box.finish({ script: "printf 'a\\000b\\377c'; printf 'no newline' >&2" });
  const reply = await daemon.api.get(`/containers/${id}/logs`, { stdout: true });
  expect(reply.body.subarray(8)).toEqual(Buffer.from([0x61, 0, 0x62, 0xff, 0x63]));
  expect((await box.logs(id, { stdout: false })).stderr).toBe("no newline");
});

test("a line of a megabyte comes back whole", async () => {
  const { id } = await box.finish({ script: "head -c 1048576 /dev/zero | tr '\\0' x; echo" });
  const { stdout } = await box.logs(id);
  expect([stdout.length, stdout.endsWith("x\n")]).toEqual([1048577, true]);
});

test("a terminal's log is raw", async () => {
  const { id } = await box.finish({ script: "echo out; echo err >&2", Tty: true });
  expect((await box.logs(id)).stdout).toBe("out\r\nerr\r\n");
});

test("rotation keeps the newest lines within size and count", async () => {
  const LogConfig = { Type: "json-file" as const, Config: { "max-size": "20k", "max-file": "3" } };
  const { id } = await box.finish({ script: "seq 1 20000; sleep 0.6; seq 20001 20010", HostConfig: { LogConfig } });
  const lines = (await box.logs(id)).stdout.trim().split("\n");
  expect(lines.at(-1)).toBe("20010");
  expect(lines.map(Number)).toEqual(Array.from({ length: lines.length }, (_, i) => 20010 - lines.length + 1 + i));
  const files = (await daemon.inNamespaces(["sh", "-c", `ls ${daemon.dataRoot}/instances/${id} | grep -c '^log'`]))
    .stdout;
  expect(Number(files)).toBeWithin(1, 4);
});

test("bad log options are refused by name, and the driver none keeps nothing", async () => {
  for (const [LogConfig, part] of [
    [{ Type: "json-file", Config: { "max-size": "big" } }, "big"],
    [{ Type: "json-file", Config: { nope: "1" } }, "nope"],
    [{ Type: "carrier-pigeon" }, "carrier-pigeon"],
  ] as const) {
    const reply = await daemon.api.post("/containers/create", {
      json: { Image: "busybox", HostConfig: { LogConfig } },
    });
    expect([LogConfig.Type, reply.status]).toEqual([LogConfig.Type, LogConfig.Type === "carrier-pigeon" ? 501 : 400]);
    expect(reply.json.message).toContain(part);
  }
  const id = await box.create({ script: "echo x", HostConfig: { LogConfig: { Type: "none" } } });
  const ended = box.wait(id, "next-exit");
  await daemon.api.ok("POST", `/containers/${id}/start`);
  await ended;
  expect((await daemon.api.get(`/containers/${id}/logs`, { stdout: true })).status).toBe(501);
});
