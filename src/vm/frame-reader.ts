import { IsleError } from "../base/error.ts";
import { protocolLimit } from "./generated/protocol.ts";

export interface Frame {
  readonly type: number;
  readonly stream: number;
  readonly payload: Buffer;
}

const headerBytes = 12;

/** Cuts a stream of bytes into frames. Fails with dataLoss when the other side breaks the rules. */
export class FrameReader {
  #held: Buffer = Buffer.alloc(0);

  /** The frames that are whole with these bytes. */
  push(chunk: Uint8Array): Frame[] {
    this.#held = this.#held.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#held, chunk]);
    const frames: Frame[] = [];
    let at = 0;
    while (this.#held.length - at >= headerBytes) {
      const size = this.#held.readUInt32LE(at);
      if (size > protocolLimit.maxFrame || this.#held.readUInt16LE(at + 6) !== 0) {
        throw new IsleError("dataLoss", "the microVM's relay sent what is no frame");
      }
      if (this.#held.length - at - headerBytes < size) break;
      const start = at + headerBytes;
      frames.push({
        type: this.#held.readUInt16LE(at + 4),
        stream: this.#held.readUInt32LE(at + 8),
        payload: this.#held.subarray(start, start + size),
      });
      at = start + size;
    }
    if (at > 0) this.#held = this.#held.subarray(at);
    return frames;
  }
}
