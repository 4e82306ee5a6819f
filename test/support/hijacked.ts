import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { FrameReader } from "./frames.ts";

export interface Hijacked {
  readonly status: number;
  readonly contentType: string;
  write(data: string | Uint8Array): void;
  /** Ends our side; the other may go on. */
  halfClose(): void;
  /** Breaks the connection as a client that dies does. */
  destroy(): void;
  /** Everything until the other side ends. */
  rest(): Promise<Buffer>;
  /** Everything until the other side ends, by stream. */
  frames(): Promise<{ stdout: string; stderr: string }>;
  /** Reads on until what came since the beginning holds the text. */
  until(text: string): Promise<string>;
}

interface HijackRequest {
  readonly target: string;
  readonly body: string;
  readonly upgrade: boolean;
}

/** Sends one POST and keeps the connection after the head of its answer. */
export async function openHijacked(socketPath: string, { target, body, upgrade }: HijackRequest): Promise<Hijacked> {
  const socket = connect({ path: socketPath, allowHalfOpen: true });
  await once(socket, "connect");
  const head = [
    `POST ${target} HTTP/1.1`,
    "Host: isle",
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(upgrade ? ["Connection: Upgrade", "Upgrade: tcp"] : []),
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  const input = new Incoming(socket);
  const answer = await input.untilBytes("\r\n\r\n");
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
  const contentType = /^content-type: *(.*?)\r?$/im.exec(answer)?.[1] ?? "";
  return {
    status,
    contentType,
    write: (data) => void socket.write(data),
    halfClose: () => void socket.end(),
    destroy: () => void socket.destroy(),
    rest: () => input.rest(),
    frames: async () => new FrameReader().push(await input.rest()).texts(),
    until: async (text) => {
      await input.untilHolds(text);
      return input.text;
    },
  };
}

/** What has come so far, and a way to wait for more. */
class Incoming {
  #data = Buffer.alloc(0);
  #ended = false;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    const ended = () => {
      this.#ended = true;
      this.#wake();
    };
    socket.on("data", (chunk: Buffer) => {
      this.#data = Buffer.concat([this.#data, chunk]);
      this.#wake();
    });
    socket.once("end", ended);
    socket.once("close", ended);
    socket.on("error", ended);
  }

  get text(): string {
    return this.#data.toString();
  }

  /** Takes everything up to and with the mark off the front. */
  async untilBytes(mark: string): Promise<string> {
    await this.untilHolds(mark);
    const end = this.#data.indexOf(mark) + mark.length;
    const taken = this.#data.subarray(0, end).toString();
    this.#data = this.#data.subarray(end);
    return taken;
  }

  async untilHolds(text: string): Promise<void> {
    while (!this.#data.includes(text)) {
      if (this.#ended) throw new Error(`the connection ended before ${JSON.stringify(text)}: ${this.text}`);
      await this.#more();
    }
  }

  async rest(): Promise<Buffer> {
    while (!this.#ended) await this.#more();
    return this.#data;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
