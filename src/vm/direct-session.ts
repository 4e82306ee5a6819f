import type { Socket } from "node:net";
import { type Frame, FrameReader } from "./frame-reader.ts";
import { frameType } from "./generated/protocol.ts";
import { frame, u32 } from "./plan/fields.ts";
import type { RelaySession } from "./relay-client.ts";

const counted = new Set<number>([frameType.output, frameType.errors, frameType.data]);

/** Conversations with a guest over its own port, without a relay in between: one for each stream. */
export class DirectGuest {
  readonly #socket: Socket;
  readonly #listeners = new Map<number, (frame: Frame) => void>();
  readonly #closed: Promise<void>;
  #next = 2;

  constructor(socket: Socket) {
    this.#socket = socket;
    const reader = new FrameReader();
    socket.on("data", (chunk: Buffer) => {
      for (const each of reader.push(chunk)) {
        if (counted.has(each.type)) socket.write(frame(frameType.credit, each.stream, u32(each.payload.length)));
        this.#listeners.get(each.stream)?.(each);
      }
    });
    this.#closed = new Promise((resolve) => socket.once("close", () => resolve()));
  }

  /** A stream of its own for one order. */
  session(): RelaySession {
    const stream = this.#next++;
    return {
      send: (type, payload) => this.#socket.write(frame(type, stream, payload)),
      onFrame: (listener) => void this.#listeners.set(stream, listener),
      closed: this.#closed,
      socket: this.#socket,
      close: () => void this.#listeners.delete(stream),
    };
  }
}
