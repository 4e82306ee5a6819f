import { expect, test } from "bun:test";
import type { ByteStream } from "../base/byte-stream.ts";
import { Client } from "./client.ts";

/** A connection that answers with fixed bytes, cut into pieces of `cut` bytes, and keeps what it was sent. */
class Scripted implements ByteStream {
  sent = "";
  closed = false;
  ended = false;
  #pieces: Uint8Array[];

  constructor(answer: string, cut = 7) {
    const bytes = new TextEncoder().encode(answer);
    this.#pieces = Array.from({ length: Math.ceil(bytes.length / cut) }, (_, index) =>
      bytes.subarray(index * cut, (index + 1) * cut),
    );
  }

  read = () => Promise.resolve(this.#pieces.shift());
  write = (data: Uint8Array) => {
    this.sent += new TextDecoder().decode(data);
    return Promise.resolve();
  };
  end = () => {
    this.ended = true;
  };
  close = () => {
    this.closed = true;
  };
}

function clientOf(...connections: Scripted[]): Client {
  return new Client({ host: "unix:///x", dial: () => Promise.resolve(connections.shift()!) });
}

const counted = (body: string, status = "200 OK") =>
  `HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const chunked = (...parts: string[]) =>
  `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${parts.map((part) => `${Buffer.byteLength(part).toString(16)}\r\n${part}\r\n`).join("")}0\r\n\r\n`;

test("one connection carries one call after the other, however the answers are cut", async () => {
  for (const cut of [1, 2, 3, 1000]) {
    const connection = new Scripted(counted('{"a":1}') + chunked("[1", ",2]") + counted("", "204 No Content"), cut);
    const client = clientOf(connection);
    expect(await client.json("GET", "/a")).toEqual({ a: 1 });
    expect(await client.json("GET", "/b")).toEqual([1, 2]);
    expect(await client.text("POST", "/c", { query: { x: "a b", y: ["1", "2"], z: undefined } })).toBe("");
    expect(connection.sent).toContain("GET /v1.51/a HTTP/1.1\r\nHost: isle\r\n");
    expect(connection.sent).toContain("POST /v1.51/c?x=a%20b&y=1&y=2 HTTP/1.1\r\n");
    expect(connection.sent).toEndWith("Content-Length: 0\r\n\r\n");
  }
});

test("an answer of 400 and above rejects with the daemon's message", async () => {
  const client = clientOf(new Scripted(counted('{"message":"No such image: x"}', "404 Not Found")));
  await expect(client.json("GET", "/x")).rejects.toMatchObject({
    message: "No such image: x",
    status: 404,
    code: "notFound",
  });
  const plain = clientOf(new Scripted(counted("broken\n", "500 Oops")));
  await expect(plain.json("GET", "/x")).rejects.toMatchObject({ message: "broken", code: "internal" });
});

test("a kept connection that the daemon dropped is replaced", async () => {
  const client = clientOf(new Scripted(counted("1")), new Scripted(counted("2")));
  expect(await client.json<number>("GET", "/")).toBe(1);
  expect(await client.json<number>("GET", "/")).toBe(2);
});

test("an answer that is cut off is an error", async () => {
  await expect(
    clientOf(new Scripted("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")).text("GET", "/"),
  ).rejects.toThrow("unexpected EOF");
  await expect(clientOf(new Scripted("HTTP/1.1 200")).text("GET", "/")).rejects.toThrow("closed the connection");
  await expect(clientOf(new Scripted("SSH-2.0\r\n\r\n")).text("GET", "/")).rejects.toThrow("not HTTP/1.1");
});

test("a head without end is refused", async () => {
  const client = clientOf(new Scripted(`HTTP/1.1 200 OK\r\nx: ${"y".repeat(300 * 1024)}`, 65536));
  await expect(client.text("GET", "/")).rejects.toThrow("head is longer");
});

test("a streamed body goes out in chunks", async () => {
  const connection = new Scripted(counted(""));
  async function* body() {
    yield new TextEncoder().encode("hello");
    yield new TextEncoder().encode("you");
  }
  // The scripted answer is there at once: hold it back until the body is through.
  const read = connection.read;
  connection.read = async () => {
    while (!connection.sent.endsWith("0\r\n\r\n")) await new Promise((resolve) => setImmediate(resolve));
    return read();
  };
  await clientOf(connection).text("PUT", "/x", { body: body() });
  expect(connection.sent).toContain("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n");
});

test("an early refusal ends a body that would never end", async () => {
  const connection = new Scripted(counted('{"message":"no room"}', "507 Insufficient Storage"));
  async function* endless() {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      yield new Uint8Array(10);
    }
  }
  await expect(clientOf(connection).text("PUT", "/x", { body: endless() })).rejects.toThrow("no room");
});

test("a hijacked stream begins with what came along with the answer", async () => {
  const connection = new Scripted(
    "HTTP/1.1 101 UPGRADED\r\nContent-Type: raw\r\nUpgrade: tcp\r\n\r\nfirst bytes",
    1000,
  );
  const stream = await clientOf(connection).hijack("POST", "/attach");
  expect(new TextDecoder().decode(await stream.read())).toBe("first bytes");
  expect(stream.contentType).toBe("raw");
  stream.end();
  expect(connection.ended).toBe(true);
  expect(connection.sent).toContain("Connection: Upgrade\r\nUpgrade: tcp\r\n");
});

test("JSON lines come one by one, however they are cut", async () => {
  const client = clientOf(new Scripted(chunked('{"a":1}\r\n{"a"', ':"ä"}\n', '{"a":3}'), 1));
  const values: unknown[] = [];
  for await (const value of client.lines("GET", "/")) values.push(value);
  expect(values).toEqual([{ a: 1 }, { a: "ä" }, { a: 3 }]);
});

test("a daemon that is not there is named", async () => {
  const client = new Client({ host: "unix:///gone", dial: () => Promise.reject(new Error("ENOENT")) });
  await expect(client.text("GET", "/")).rejects.toThrow("Cannot connect to the isle daemon at unix:///gone.");
});
