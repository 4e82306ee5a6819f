import type { ByteStream } from "../base/byte-stream.ts";
import { ClosedError } from "./errors.ts";

const nothing = new Uint8Array(0);

/** Reads lines and counted pieces from a stream, keeping what was received beyond them. */
export class ByteReader {
  readonly #stream: ByteStream;
  #rest: Uint8Array = nothing;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** Bytes received and not read yet; they are handed over. */
  takeRest(): Uint8Array {
    const rest = this.#rest;
    this.#rest = nothing;
    return rest;
  }

  /** Text up to `mark`, which is consumed and left out. Rejects at the stream's end or beyond `limit` bytes. */
  async readUntil(mark: string, limit: number): Promise<string> {
    for (let searched = 0; ; ) {
      const buffer = Buffer.from(this.#rest.buffer, this.#rest.byteOffset, this.#rest.length);
      const at = buffer.indexOf(mark, Math.max(0, searched - mark.length));
      if (at !== -1) {
        this.#rest = this.#rest.subarray(at + mark.length);
        return buffer.toString("latin1", 0, at);
      }
      searched = buffer.length;
      if (searched > limit) throw new Error(`the answer's head is longer than ${limit} bytes`);
      if (!(await this.#receive())) throw new ClosedError();
    }
  }

  /** At least one and at most `max` bytes; undefined at the stream's end. */
  async readSome(max: number): Promise<Uint8Array | undefined> {
    if (this.#rest.length === 0) {
      const received = await this.#stream.read();
      if (received === undefined || received.length <= max) return received;
      this.#rest = received;
    }
    const piece = this.#rest.subarray(0, max);
    this.#rest = this.#rest.subarray(piece.length);
    return piece;
  }

  async #receive(): Promise<boolean> {
    const received = await this.#stream.read();
    if (received === undefined) return false;
    this.#rest = this.#rest.length === 0 ? received : Buffer.concat([this.#rest, received]);
    return true;
  }
}
