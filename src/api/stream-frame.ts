/**
 * Output of a workload without a terminal, several streams on one connection. Each frame is one byte for the stream
 * (0 stdin, 1 stdout, 2 stderr, 3 an error of the engine), three zero bytes, the payload's length as a big-endian
 * 32-bit number, and the payload. Stream 4 is isle's own: the exit code in decimal, as the last frame, for clients that
 * ask for it with `exitFrameHeader` and so need no further request.
 */
export const frameStreams = { stdin: 0, stdout: 1, stderr: 2, systemError: 3, exitCode: 4 } as const;

export const exitFrameHeader = "Isle-Exit-Frame";

export type FrameStream = (typeof frameStreams)[keyof typeof frameStreams];

export const frameHeaderBytes = 8;

/** The content types that tell a client whether an answer is framed. */
export const framedContentType = "application/vnd.docker.multiplexed-stream";
export const rawContentType = "application/vnd.docker.raw-stream";

/** The header that goes before `length` bytes of payload. */
export function frameHeader(stream: FrameStream, length: number): Uint8Array {
  const header = new Uint8Array(frameHeaderBytes);
  writeHeader(header, stream, length);
  return header;
}

/** One whole frame in one piece of memory. */
export function encodeFrame(stream: FrameStream, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(frameHeaderBytes + payload.length);
  writeHeader(frame, stream, payload.length);
  frame.set(payload, frameHeaderBytes);
  return frame;
}

function writeHeader(into: Uint8Array, stream: FrameStream, length: number): void {
  into[0] = stream;
  into[4] = length >>> 24;
  into[5] = length >>> 16;
  into[6] = length >>> 8;
  into[7] = length;
}

/** A piece of one stream; a frame may arrive as several pieces. `data` is a view into the chunk it came in. */
export interface FramePiece {
  readonly stream: FrameStream;
  readonly data: Uint8Array;
}

/** Takes a framed byte stream apart, however it was cut into chunks, without waiting for whole frames. */
export class FrameDecoder {
  readonly #header = new Uint8Array(frameHeaderBytes);
  #headerBytes = 0;
  #payloadLeft = 0;

  /** The pieces in `chunk`, in order. Throws a RangeError when the bytes are not frames. */
  push(chunk: Uint8Array): FramePiece[] {
    const pieces: FramePiece[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#payloadLeft === 0) {
        at += this.#takeHeader(chunk, at);
        continue;
      }
      const end = Math.min(chunk.length, at + this.#payloadLeft);
      pieces.push({ stream: this.#header[0] as FrameStream, data: chunk.subarray(at, end) });
      this.#payloadLeft -= end - at;
      at = end;
    }
    return pieces;
  }

  /** True between two frames; false at the end of the stream means that it was cut off. */
  get atBoundary(): boolean {
    return this.#headerBytes === 0 && this.#payloadLeft === 0;
  }

  #takeHeader(chunk: Uint8Array, at: number): number {
    const part = chunk.subarray(at, at + frameHeaderBytes - this.#headerBytes);
    this.#header.set(part, this.#headerBytes);
    this.#headerBytes += part.length;
    if (this.#headerBytes === frameHeaderBytes) {
      if (this.#header[0]! > frameStreams.exitCode) throw new RangeError(`unknown stream ${this.#header[0]} in frame`);
      this.#payloadLeft = new DataView(this.#header.buffer).getUint32(4);
      this.#headerBytes = 0;
    }
    return part.length;
  }
}
