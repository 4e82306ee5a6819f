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

const all = { stream: true, stdin: true, stdout: true, stderr: true };
const framed = "application/vnd.docker.multiplexed-stream";
const raw = "application/vnd.docker.raw-stream";

const attach = (id: string, query: object = all, upgrade = true) =>
  daemon.api.hijack(`/containers/${id}/attach`, { query: { ...query }, upgrade });

test("an attached client gets framed output and passes input until it half-closes", async () => {
  const id = await box.create({ script: "cat; echo bye >&2", OpenStdin: true, StdinOnce: true });
  const session = await attach(id);
  expect([session.status, session.contentType]).toEqual([101, framed]);
  await daemon.api.ok("POST", `/containers/${id}/start`);
  session.write("hello\n");
  await session.until("hello");
  session.write("again\n");
  session.halfClose();
  expect(await session.frames()).toEqual({ stdout: "hello\nagain\n", stderr: "bye\n" });
  expect(await box.wait(id)).toBe(0);
});

test("a client that does not ask for an upgrade is answered 200 and served the same", async () => {
  const id = await box.create({ script: "echo plain" });
  const session = await attach(id, { stream: true, stdout: true }, false);
  expect(session.status).toBe(200);
  await daemon.api.ok("POST", `/containers/${id}/start`);
  expect(await session.until("plain\n")).toContain("plain\n");
  session.destroy();
});

test("a megabyte goes in and out through a pipe unharmed", async () => {
  const id = await box.create({ Cmd: ["sha256sum"], OpenStdin: true, StdinOnce: true });
  const session = await attach(id);
  await daemon.api.ok("POST", `/containers/${id}/start`);
  const data = Buffer.from(Array.from({ length: 1 << 20 }, (_, i) => (i * 7 + (i >> 8)) & 0xff));
  session.write(data);
  session.halfClose();
  const { stdout } = await session.frames();
  expect(stdout).toBe(`${new Bun.CryptoHasher("sha256").update(data).digest("hex")}  -\n`);
});

test("a terminal is raw, and ctrl-p ctrl-q leaves it running", async () => {
  const id = await box.start({ Cmd: ["sh"], Tty: true, OpenStdin: true });
  const session = await attach(id);
  expect(session.contentType).toBe(raw);
  session.write("echo a$((1+1))b\n");
  await session.until("a2b");
  session.write(Buffer.from([0x10, 0x11]));
  await session.rest();
  expect((await box.state(id)).Running).toBe(true);
  const other = await attach(id, { ...all, detachKeys: "ctrl-x,y" });
  other.write("echo c$((2+2))d\n");
  await other.until("c4d");
  other.write(Buffer.from([0x18, 0x79]));
  await other.rest();
  expect((await box.state(id)).Running).toBe(true);
});

test("detaching and attaching are told as events", async () => {
  const since = Date.now() / 1000;
  const id = await box.start({ Cmd: ["sh"], Tty: true, OpenStdin: true });
  const session = await attach(id);
  session.write(Buffer.from([0x10, 0x11]));
  await session.rest();
  expect((await box.event(id, "attach", since)).Action).toBe("attach");
  expect((await box.event(id, "detach", since)).Action).toBe("detach");
});

test("logs=1 gives what was written before, stream=1 what comes", async () => {
  const id = await box.start({ script: "echo before; read x; echo after $x", OpenStdin: true, StdinOnce: true });
  await box.untilLog(id, "before");
  const session = await attach(id, { ...all, logs: true });
  await session.until("before");
  session.write("now\n");
  expect((await session.frames()).stdout).toBe("before\nafter now\n");
  const late = await attach(id, { logs: true, stdout: true });
  expect((await late.frames()).stdout).toBe("before\nafter now\n");
});

test("two clients see the same output, and one that dies harms nobody", async () => {
  const id = await box.create({ script: "read x; seq 1 2000", OpenStdin: true, StdinOnce: true });
  const [first, second, dying] = [
    await attach(id),
    await attach(id, { stream: true, stdout: true }),
    await attach(id, { stream: true, stdout: true }),
  ];
  await daemon.api.ok("POST", `/containers/${id}/start`);
  dying.destroy();
  first.write("\n");
  const [one, two] = await Promise.all([first.frames(), second.frames()]);
  expect(one.stdout.split("\n")).toHaveLength(2001);
  expect(two.stdout).toBe(one.stdout);
});

test("input stays open for the next client unless the container wants it once", async () => {
  const id = await box.start({ script: "while read x; do echo got $x; done; echo eof", OpenStdin: true });
  const first = await attach(id);
  first.write("a\n");
  await first.until("got a");
  first.destroy();
  const second = await attach(id);
  second.write("b\n");
  await second.until("got b");
  expect((await box.state(id)).Running).toBe(true);
  second.destroy();
});

test("a WebSocket carries the same session", async () => {
  const id = await box.create({ script: "read x; echo socket $x", OpenStdin: true, StdinOnce: true });
  const path = `/containers/${id}/attach/ws?stream=1&stdin=1&stdout=1`;
  const socket = new WebSocket(`ws+unix://${daemon.socket}:${path}`);
  socket.binaryType = "arraybuffer";
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  let got = "";
  const closed = new Promise((resolve) => {
    socket.onmessage = ({ data }) => {
      got += typeof data === "string" ? data : Buffer.from(data as ArrayBuffer).toString();
    };
    socket.onclose = resolve;
  });
  await daemon.api.ok("POST", `/containers/${id}/start`);
  socket.send("there\n");
  await closed;
  expect(got).toBe("socket there\n");
});

test("attaching to what is not there or with bad keys is refused before the connection changes", async () => {
  expect((await attach("absent")).status).toBe(404);
  const id = await box.create();
  expect((await attach(id, { ...all, detachKeys: "ctrl-nonsense" })).status).toBe(400);
});
