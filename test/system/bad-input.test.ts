import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Json } from "../support/api-client.ts";
import { Containers } from "../support/containers.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { eventually, possessionsOf } from "../support/leaks.ts";
import { startRegistry } from "../support/registry.ts";

let daemon: TestDaemon;
let box: Containers;
beforeAll(async () => {
  daemon = await startDaemon();
  box = new Containers(daemon.api);
});
afterEach(() => box.clear());
afterAll(() => daemon.stop());

async function open(path = daemon.socket): Promise<Socket> {
  const socket = connect({ path, allowHalfOpen: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

const answerOf = (socket: Socket): Promise<string> =>
  new Promise((resolve) => {
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (/\r\n\r\n[\s\S]*\}\n?$/.test(text)) resolve(text);
    });
    socket.once("close", () => resolve(text));
  });

test("malformed JSON and values of the wrong type are refused by their path, nothing made", async () => {
  for (const body of [
    "{",
    '{"Image":}',
    "[]",
    '"text"',
    "12",
    '{"Image":12}',
    '{"Image":"busybox","Cmd":{"a":1}}',
    '{"Image":"busybox","Env":"A=1"}',
    '{"Image":"busybox","HostConfig":[]}',
    '{"Image":"busybox","HostConfig":{"Memory":"lots"}}',
    '{"Image":"busybox","HostConfig":{"Binds":[1,2]}}',
    '{"Image":"busybox","HostConfig":{"PortBindings":{"80/tcp":{"HostPort":1}}}}',
    '{"Image":"busybox","HostConfig":{"RestartPolicy":"always"}}',
    '{"Image":"busybox","Labels":["a"]}',
    '{"Image":"busybox","Healthcheck":{"Test":"x"}}',
  ]) {
    const reply = await daemon.api.post("/containers/create", {
      body,
      headers: { "Content-Type": "application/json" },
    });
    expect([body, reply.status]).toEqual([body, 400]);
    expect(reply.json.message.length).toBeGreaterThan(5);
  }
  expect(await daemon.api.ok("GET", "/containers/json", { query: { all: true } })).toEqual([]);
});

test("bad names are refused wherever a name goes", async () => {
  for (const name of ["../up", "a/b", "-dash", ".dot", "a b", "é", "a\u0000b"]) {
    const container = await daemon.api.post("/containers/create", { query: { name }, json: { Image: "busybox" } });
    expect([name.slice(0, 10), container.status]).toEqual([name.slice(0, 10), 400]);
    const volume = await daemon.api.post("/volumes/create", { json: { Name: name } });
    expect([name.slice(0, 10), volume.status]).toEqual([name.slice(0, 10), 400]);
  }
  for (const image of ["UPPER", "a//b", "a:b:c", "bad@sha256:1", `${"x/".repeat(200)}y`]) {
    const reply = await daemon.api.post("/containers/create", { json: { Image: image } });
    expect([image.slice(0, 20), [400, 404].includes(reply.status)]).toEqual([image.slice(0, 20), true]);
    expect((await daemon.api.post("/images/busybox/tag", { query: { repo: image } })).status).toBe(400);
  }
});

test("absurd sizes and numbers are refused", async () => {
  for (const HostConfig of [
    { Memory: -5 },
    { Memory: 1e30 },
    { PidsLimit: 1.5 },
    { ShmSize: 1e25 },
    { CpuShares: -1 },
    { PortBindings: { "99999/tcp": [{ HostPort: "80" }] } },
    { PortBindings: { "80/tcp": [{ HostPort: "70000" }] } },
    { PortBindings: { "80/xyz": [{ HostPort: "80" }] } },
    { LogConfig: { Type: "json-file", Config: { "max-file": "-3", "max-size": "1k" } } },
  ]) {
    const reply = await daemon.api.post("/containers/create", { json: { Image: "busybox", HostConfig } });
    expect([HostConfig, reply.status]).toEqual([HostConfig, 400]);
  }
  const id = await box.create();
  for (const query of [{ t: "soon" }, { t: "1e99" }]) {
    expect((await daemon.api.post(`/containers/${id}/stop`, { query })).status).toBe(400);
  }
  expect((await daemon.api.get("/containers/json", { limit: "many" })).status).toBe(400);
  expect((await daemon.api.get("/containers/json", { filters: "{" })).status).toBe(400);
  expect((await daemon.api.get(`/containers/${id}/logs`, { stdout: true, tail: "-x" })).status).toBeOneOf([200, 400]);
});

test("a body that never ends is cut off", async () => {
  const socket = await open();
  const answer = answerOf(socket);
  socket.write(
    "POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
  );
  const chunk = `10000\r\n${" ".repeat(0x10000)}\r\n`;
  let closed = false;
  socket.once("close", () => {
    closed = true;
  });
  const limit = performance.now() + 10_000;
  while (!closed && performance.now() < limit) {
    if (!socket.write(chunk)) await new Promise((resolve) => setTimeout(resolve, 10));
    await new Promise(setImmediate);
  }
  // The connection may break before this client, which never stops to send, has read the refusal.
  expect(await answer).toMatch(/^$|^HTTP\/1\.1 400 /);
  expect(closed).toBe(true);
  socket.destroy();
  expect((await daemon.api.get("/_ping")).text).toBe("OK");
});

test("requests that are no HTTP, or stop in the middle, harm nobody", async () => {
  for (const text of [
    "garbage\r\n\r\n",
    "GET / HTTP/9.9\r\n\r\n",
    "POST /containers/create HTTP/1.1\r\nContent-Length: 100\r\n\r\n{",
    "\0\0\0\0",
  ]) {
    const socket = await open();
    socket.write(text);
    socket.destroy();
  }
  expect((await daemon.api.get("/_ping")).text).toBe("OK");
  const reply = await fetch("http://isle/nowhere/at/all", { unix: daemon.socket });
  expect([reply.status, ((await reply.json()) as Json).message]).toEqual([404, "page not found"]);
  expect((await fetch("http://isle/v1.10/_ping", { unix: daemon.socket })).status).toBe(400);
  expect((await fetch("http://isle/v9.99/_ping", { unix: daemon.socket })).status).toBe(400);
});

test("of two hundred creates with one name exactly one wins", async () => {
  const replies = await Promise.all(
    Array.from({ length: 200 }, () =>
      daemon.api.post("/containers/create", { query: { name: "wanted" }, json: { Image: "busybox" } }),
    ),
  );
  expect(replies.filter(({ status }) => status === 201)).toHaveLength(1);
  expect(replies.filter(({ status }) => status === 409)).toHaveLength(199);
  const [only, ...others] = await daemon.api.ok("GET", "/containers/json", { query: { all: true } });
  expect([only.Names, others]).toEqual([["/wanted"], []]);
  const { instanceDirectories } = await possessionsOf(daemon);
  expect(instanceDirectories).toEqual([only.Id]);
});

test("starts, stops and removals of one container at once leave one sensible state", async () => {
  const id = await box.create({ script: "sleep 3600" });
  const statuses = await Promise.all(
    Array.from({ length: 30 }, (_, i) =>
      daemon.api
        .post(`/containers/${id}/${["start", "kill", "restart?t=0"][i % 3]}`.replace(/\?.*/, ""), {
          query: i % 3 === 2 ? { t: 0 } : {},
        })
        .then(({ status }) => status),
    ),
  );
  for (const status of statuses) expect(status).toBeOneOf([204, 304, 409]);
  const removed = await Promise.all(
    Array.from({ length: 5 }, () => daemon.api.delete(`/containers/${id}`, { force: true })),
  );
  for (const { status } of removed) expect(status).toBeOneOf([204, 404, 409]);
  expect((await daemon.api.get(`/containers/${id}/json`)).status).toBe(404);
});

test("clients that vanish in the middle of anything leave nothing behind", async () => {
  // It goes on writing: a client that died is told from one that only ended its input by the next write.
  const id = await box.start({ script: "while :; do echo tick; sleep 0.1; done", OpenStdin: true });
  // The runtime that started it may still be on its way out.
  const before = await eventually(
    () => possessionsOf(daemon),
    ({ processes }) => expect(processes).not.toContain("crun"),
    20_000,
  );
  const registry = await startRegistry();
  const requests = [
    `POST /containers/${id}/attach?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\nHost: x\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n`,
    `GET /containers/${id}/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: x\r\n\r\n`,
    `POST /containers/${id}/wait HTTP/1.1\r\nHost: x\r\n\r\n`,
    `GET /containers/${id}/stats?stream=1 HTTP/1.1\r\nHost: x\r\n\r\n`,
    "GET /events HTTP/1.1\r\nHost: x\r\n\r\n",
    `POST /images/create?fromImage=${registry.host}/absent&tag=1 HTTP/1.1\r\nHost: x\r\n\r\n`,
    "POST /images/load HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "POST /images/create?fromSrc=- HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    `PUT /containers/${id}/archive?path=/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`,
    `GET /containers/${id}/export HTTP/1.1\r\nHost: x\r\n\r\n`,
  ];
  for (let round = 0; round < 5; round += 1) {
    const sockets = await Promise.all(
      requests.map(async (request) => {
        const socket = await open();
        socket.write(request);
        return socket;
      }),
    );
    await Bun.sleep(round * 20);
    for (const socket of sockets) socket.destroy();
  }
  await registry.close();
  await eventually(
    () => possessionsOf(daemon),
    (after) => {
      expect(after.processes.filter((name) => name !== "sleep")).toEqual(
        before.processes.filter((name) => name !== "sleep"),
      );
      expect(after.mounts).toEqual(before.mounts);
      expect(after.openFiles).toBeLessThanOrEqual(before.openFiles + 4);
    },
    10_000,
  );
  expect((await box.state(id)).Running).toBe(true);
});

test("hundreds of containers that came and went leave the daemon as it was", async () => {
  await box.run({ script: "true" });
  const before = await possessionsOf(daemon);
  for (let round = 0; round < 10; round += 1) {
    await Promise.all(
      Array.from({ length: 6 }, () => box.run({ script: "echo x", HostConfig: { Binds: ["shared:/v"] } })),
    );
  }
  await daemon.api.ok("DELETE", "/volumes/shared");
  await eventually(
    () => possessionsOf(daemon),
    (after) => {
      expect(after.processes).toEqual(before.processes);
      expect(after.mounts).toEqual(before.mounts);
      expect(after.instanceDirectories).toEqual([]);
      expect(after.openFiles).toBeLessThanOrEqual(before.openFiles + 4);
      expect(after.namespaces).toBeLessThanOrEqual(before.namespaces + 4);
    },
  );
});

test("a data root on a full disk refuses what does not fit, loses nothing and works again with room", async () => {
  const small = await startDaemon({
    bare: true,
    prepare: async ({ directory, dataRoot, inNamespaces }) => {
      const script = `truncate -s 48M ${directory}/disk && mkfs.ext4 -q ${directory}/disk && mkdir -p ${dataRoot} && mount -o loop ${directory}/disk ${dataRoot}`;
      expect(await inNamespaces(["sh", "-c", script])).toMatchObject({ exitCode: 0 });
    },
  });
  try {
    const other = new Containers(small.api);
    const { busyboxRoot } = await import("../support/busybox-root.ts");
    await small.api.ok("POST", "/images/create", {
      query: { fromSrc: "-", repo: "busybox", tag: "latest" },
      body: await busyboxRoot(),
    });
    const id = await other.start({ script: "echo kept; dd if=/dev/zero of=/fill bs=64k 2>/dev/null; sleep 3600" });
    await eventually(
      () => small.inNamespaces(["sh", "-c", `df --output=avail ${small.dataRoot} | tail -1`]),
      ({ stdout }) => expect(Number(stdout)).toBeLessThan(200),
      10_000,
    );
    const refused = await small.api.post("/images/create", {
      query: { fromSrc: "-", repo: "second", tag: "1" },
      body: Buffer.concat([await busyboxRoot()]),
    });
    expect(refused.status >= 500 || refused.text.includes("no space left")).toBe(true);
    expect((await small.api.get("/_ping")).text).toBe("OK");
    expect((await other.logs(id)).stdout).toStartWith("kept\n");
    await other.remove(id);
    expect(await other.output("echo room again")).toBe("room again");
    expect(await small.api.ok("GET", "/images/json")).toHaveLength(1);
  } finally {
    await small.stop();
  }
}, 30_000);

test("a read-only data root is told at the start", async () => {
  const starting = startDaemon({
    bare: true,
    prepare: async ({ dataRoot, inNamespaces }) => {
      await inNamespaces(["sh", "-c", `mkdir -p ${dataRoot} && mount -t tmpfs -o ro none ${dataRoot}`]);
    },
  });
  await expect(starting).rejects.toThrow(/read-only/i);
});

test("a runtime that is missing is named", async () => {
  const other = await startDaemon({ config: { runtimes: { lost: { path: "/does/not/exist" } } } });
  try {
    const made = await other.api.post("/containers/create", {
      json: { Image: "busybox", Cmd: ["true"], HostConfig: { Runtime: "lost" } },
    });
    const reply = made.status === 201 ? await other.api.post(`/containers/${made.json.Id}/start`) : made;
    expect(reply.status).toBeGreaterThanOrEqual(400);
    expect(reply.json.message).toMatch(/lost|\/does\/not\/exist/);
  } finally {
    await other.stop();
  }
});

test("an image for another processor is warned about and its start fails with the reason", async () => {
  const base = await box.create();
  await daemon.inNamespaces(["true"]);
  await daemon.api.request("PUT", `/containers/${base}/archive`, {
    query: { path: "/" },
    body: await foreignProgram(),
  });
  await daemon.api.ok("POST", "/commit", { query: { container: base, repo: "foreign", tag: "1" } });
  const id = await box.create({ Image: "foreign:1", Cmd: ["/foreign"] });
  const reply = await daemon.api.post(`/containers/${id}/start`);
  const refused = reply.status === 400 && reply.json.message.includes("exec format error");
  expect(refused || (await box.wait(id)) !== 0).toBe(true);
  await box.clear();
  await daemon.api.ok("DELETE", "/images/foreign:1");
});

/** An archive of a program with the head of an aarch64 executable. */
async function foreignProgram(): Promise<Buffer> {
  const script =
    "d=$(mktemp -d); cd $d; printf '\\177ELF\\002\\001\\001\\000\\000\\000\\000\\000\\000\\000\\000\\000\\002\\000\\267\\000' > foreign; head -c 200 /dev/zero >> foreign; chmod 755 foreign; tar -cf - foreign | base64 -w0; rm -r $d";
  const { stdout } = await daemon.inNamespaces(["sh", "-c", script]);
  return Buffer.from(stdout, "base64");
}

test("a blob that changed on disk is noticed when the image leaves the store", async () => {
  const other = await startDaemon();
  try {
    const { stdout } = await other.inNamespaces([
      "sh",
      "-c",
      `ls -S ${other.dataRoot}/content/blobs/sha256/* | head -1`,
    ]);
    const blob = stdout.trim();
    await other.inNamespaces([
      "sh",
      "-c",
      `chmod u+w ${blob}; printf X | dd of=${blob} bs=1 seek=5000 conv=notrunc 2>/dev/null`,
    ]);
    const saved = await other.api.raw("GET", "/images/busybox/get");
    let broke = saved.statusCode !== 200;
    try {
      for await (const _ of saved);
    } catch {
      broke = true;
    }
    expect(broke).toBe(true);
  } finally {
    await other.stop();
  }
});
