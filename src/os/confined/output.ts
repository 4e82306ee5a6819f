import { writeSync } from "node:fs";
import { lengthOf } from "../../base/framed-streams.ts";

const bufferBytes = 256 << 10;

/**
 * An archive on a descriptor that others follow on; see FramedReader. Small writes are gathered, so that headers do not cost a
 * system call each.
 */
export class OutputStream {
  readonly #fd: number;
  readonly #buffer = Buffer.allocUnsafe(bufferBytes);
  #used = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(bytes: Buffer): void {
    if (bytes.length > bufferBytes - this.#used) this.#flush();
    if (bytes.length > bufferBytes) {
      writeChunk(this.#fd, bytes);
      return;
    }
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  end(): void {
    this.#flush();
    writeAll(this.#fd, lengthOf(0));
  }

  #flush(): void {
    if (this.#used > 0) writeChunk(this.#fd, this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }
}

function writeChunk(fd: number, bytes: Buffer): void {
  writeAll(fd, lengthOf(bytes.length));
  writeAll(fd, bytes);
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done);
}
