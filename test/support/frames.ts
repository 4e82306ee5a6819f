/** Takes apart the frames of attach, exec and logs: a stream number, three zeros, a length, the bytes. */
export class FrameReader {
  #stdout = "";
  #stderr = "";

  push(data: Buffer): this {
    let at = 0;
    while (at < data.length) {
      if (data.length - at < 8) throw new Error(`${data.length - at} bytes are left of a frame's head`);
      const length = data.readUInt32BE(at + 4);
      const body = data.subarray(at + 8, at + 8 + length);
      if (body.length < length) throw new Error(`a frame of ${length} bytes has only ${body.length}`);
      const stream = data[at];
      if (stream === 1) this.#stdout += body.toString();
      else if (stream === 2) this.#stderr += body.toString();
      else throw new Error(`frame of unknown stream ${String(stream)}`);
      at += 8 + length;
    }
    return this;
  }

  texts(): { stdout: string; stderr: string } {
    return { stdout: this.#stdout, stderr: this.#stderr };
  }
}

export const textsOf = (data: Buffer): { stdout: string; stderr: string } => new FrameReader().push(data).texts();
