import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ByteStream } from "../base/byte-stream.ts";
import { dial } from "./dial.ts";

let directory = "";
let path = "";
let server: Server | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "isle-dial-"));
  path = join(directory, "s");
});
afterEach(async () => {
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  server = undefined;
  rmSync(directory, { recursive: true, force: true });
});

function listen(serve: (socket: Socket) => void): Promise<void> {
  server = createServer({ allowHalfOpen: true }, serve);
  return new Promise((resolve) => server!.listen(path, resolve));
}

async function readAll(stream: ByteStream): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for (let chunk = await stream.read(); chunk !== undefined; chunk = await stream.read()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test("after our end the other side may still answer", async () => {
  await listen((socket) => {
    let received = "";
    socket.on("data", (data) => {
      received += data;
    });
    socket.on("end", () => socket.end(`got ${received}`));
  });
  const stream = await dial({ kind: "unix", path });
  await stream.write(new TextEncoder().encode("hello"));
  stream.end();
  expect((await readAll(stream)).toString()).toBe("got hello");
  stream.close();
});

test("megabytes pass both ways unharmed past a slow reader", async () => {
  const sent = Buffer.alloc(8 * 1024 * 1024, "isle");
  await listen((socket) => socket.pipe(socket));
  const stream = await dial({ kind: "unix", path });
  const writing = stream.write(sent).then(() => stream.end());
  const received = await readAll(stream);
  await writing;
  expect(received.equals(sent)).toBe(true);
  stream.close();
});

test("a socket that is not there rejects", async () => {
  await expect(dial({ kind: "unix", path })).rejects.toThrow();
});

test("a closed stream ends its reader", async () => {
  await listen((socket) =>
    socket
      .resume()
      .on("end", () => socket.end())
      .on("error", () => {}),
  );
  const stream = await dial({ kind: "unix", path });
  const reading = stream.read();
  stream.close();
  expect(await reading).toBeUndefined();
});
