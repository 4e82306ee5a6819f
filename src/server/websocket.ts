import { createHash } from "node:crypto";
import { Duplex } from "node:stream";
import { invalid } from "../base/error.ts";
import type { Exchange } from "./exchange.ts";

/** Fixed by RFC 6455: proves that the server understood the request. */
const acceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
/** More in one message than any terminal sends. */
const maxPayloadBytes = 1 << 20;

/** Upgrades the request to a WebSocket and gives its messages as a byte stream; output goes as binary messages. */
export function acceptWebSocket(exchange: Exchange): Duplex {
  const key = exchange.request.headers["sec-websocket-key"];
  if (!key || !exchange.upgradeSocket) throw invalid("not a WebSocket request");
  const socket = exchange.upgradeSocket;
  const accept = createHash("sha1").update(`${key}${acceptSuffix}`).digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  const parser = new MessageParser();
  const duplex = new Duplex({
    read() {},
    write: (chunk: Buffer, _encoding, done) => void socket.write(encodeMessage(opcode.binary, chunk), done),
    final: (done) => void socket.end(encodeMessage(opcode.close, Buffer.from([0x03, 0xe8])), done),
  });
  socket.on("data", (data: Buffer) => {
    for (const { code, payload } of parser.push(data)) {
      if (code === opcode.close) duplex.push(null);
      else if (code === opcode.ping) socket.write(encodeMessage(opcode.pong, payload));
      else if (code !== opcode.pong) duplex.push(payload);
    }
    if (parser.broken) socket.destroy();
  });
  socket.on("close", () => duplex.destroy());
  return duplex;
}

/** An unmasked, whole message, as servers send them. */
export function encodeMessage(code: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65536 ? 4 : 10);
  head[0] = 0x80 | code;
  head[1] = length < 126 ? length : length < 65536 ? 126 : 127;
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}

/** Takes masked frames apart, however they were cut. */
export class MessageParser {
  #rest: Buffer = Buffer.alloc(0);
  /** The peer sent something that is no frame of a client. */
  broken = false;

  push(data: Uint8Array): Array<{ code: number; payload: Buffer }> {
    this.#rest = Buffer.concat([this.#rest, data]);
    const out: Array<{ code: number; payload: Buffer }> = [];
    for (let frame = this.#next(); frame; frame = this.#next()) out.push(frame);
    return out;
  }

  #next(): { code: number; payload: Buffer } | undefined {
    const data = this.#rest;
    if (this.broken || data.length < 2) return undefined;
    if ((data[1]! & 0x80) === 0) return this.#breakOff();
    const short = data[1]! & 0x7f;
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const start = 2 + lengthBytes + 4;
    if (data.length < start) return undefined;
    const length =
      lengthBytes === 0 ? short : Number(data.readUIntBE(lengthBytes === 2 ? 2 : 4, lengthBytes === 2 ? 2 : 6));
    if (length > maxPayloadBytes) return this.#breakOff();
    if (data.length < start + length) return undefined;
    const mask = data.subarray(start - 4, start);
    const payload = Buffer.from(data.subarray(start, start + length)).map((byte, i) => byte ^ mask[i % 4]!);
    this.#rest = data.subarray(start + length);
    return { code: data[0]! & 0x0f, payload: Buffer.from(payload) };
  }

  #breakOff(): undefined {
    this.broken = true;
  }
}
