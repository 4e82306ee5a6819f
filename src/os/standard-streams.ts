import { writeSync } from "node:fs";
import { isErrno } from "../base/error.ts";
import { isTerminal } from "./terminal.ts";

/** Standard output or error, written at once and in order. */
export class StandardOutput {
  readonly #fd: number;
  #isTerminal: boolean | undefined;

  constructor(fd: 1 | 2) {
    this.#fd = fd;
  }

  get isTerminal(): boolean {
    this.#isTerminal ??= isTerminal(this.#fd);
    return this.#isTerminal;
  }

  /** Rejects with EPIPE when nobody reads any more. */
  async write(data: string | Uint8Array): Promise<void> {
    let rest = typeof data === "string" ? new TextEncoder().encode(data) : data;
    for (let waitMs = 1; rest.length > 0; ) {
      try {
        rest = rest.subarray(writeSync(this.#fd, rest));
        waitMs = 1;
      } catch (error) {
        if (!isErrno(error, "EAGAIN")) throw error;
        await Bun.sleep(waitMs); // a non-blocking pipe is full, and nothing tells when it drains
        waitMs = Math.min(waitMs * 2, 50);
      }
    }
  }
}

/** Standard input, read on demand. */
export class StandardInput {
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #isTerminal: boolean | undefined;

  get isTerminal(): boolean {
    this.#isTerminal ??= isTerminal(0);
    return this.#isTerminal;
  }

  /** The next bytes, undefined at the end. */
  async read(): Promise<Uint8Array | undefined> {
    this.#reader ??= Bun.stdin.stream().getReader() as ReadableStreamDefaultReader<Uint8Array>;
    const { done, value } = await this.#reader.read();
    return done ? undefined : value;
  }
}
