import { readSync } from "node:fs";
import { isErrno } from "../../base/error.ts";

/** Bytes that are read without waiting for anything else. */
export interface Input {
  /** Reads at most so many bytes; 0 is the end. */
  read(buffer: Buffer, offset: number, length: number): number;
}

export const fileInput = (fd: number): Input => ({ read: (...into) => readDescriptor(fd, ...into) });

/** One of the archives that come over a descriptor one after the other; see framedStreams. */
export function framedInput(fd: number): Input {
  const lead = Buffer.alloc(4);
  let left = 0;
  let isOver = false;
  const beginChunk = (): void => {
    for (let have = 0; have < lead.length; ) {
      const read = readDescriptor(fd, lead, have, lead.length - have);
      if (read === 0) throw new Error("the archive was broken off");
      have += read;
    }
    left = lead.readUInt32BE();
    isOver = left === 0;
  };
  return {
    read(buffer, offset, length) {
      if (left === 0 && !isOver) beginChunk();
      if (isOver) return 0;
      const read = readDescriptor(fd, buffer, offset, Math.min(length, left));
      if (read === 0) throw new Error("the archive was broken off");
      left -= read;
      return read;
    },
  };
}

function readDescriptor(fd: number, buffer: Buffer, offset: number, length: number): number {
  for (;;) {
    try {
      return readSync(fd, buffer, offset, length, null);
    } catch (error) {
      if (!isErrno(error, "EINTR")) throw error;
    }
  }
}
