import { closeSync, constants, openSync } from "node:fs";
import { dirname } from "node:path";
import { Duplex } from "node:stream";
import { isErrno } from "../base/error.ts";
import { check, cString, libc } from "./libc.ts";

const afUnix = 1;
const seqpacket = 5;
const closeOnExec = 0o2000000;
const nonBlocking = 0o4000;

/** Connects to a SOCK_SEQPACKET unix socket, which node:net cannot; each chunk read is one packet. */
export function connectSeqpacket(path: string): Duplex {
  const socket = check(libc.socket(afUnix, seqpacket | closeOnExec | nonBlocking, 0), "socket");
  try {
    connectAt(socket, path);
  } catch (error) {
    libc.close(socket);
    throw error;
  }
  return duplexOver(socket);
}

/** A socket address holds 107 bytes of path, so the directory is named through a descriptor. */
function connectAt(socket: number, path: string): void {
  const directory = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const name = cString(`/proc/self/fd/${directory}/${path.slice(dirname(path).length + 1)}`);
    const address = new Uint8Array(2 + name.length);
    new DataView(address.buffer).setUint16(0, afUnix, true);
    address.set(name, 2);
    check(libc.connect(socket, address, address.length), "connect", path);
  } finally {
    closeSync(directory);
  }
}

function duplexOver(fd: number): Duplex {
  let drained: (() => void) | undefined;
  const pending = { data: Buffer.alloc(0) as Buffer };
  let raw: Bun.Socket | undefined;
  const flush = (): boolean => {
    while (raw && pending.data.length > 0) {
      // One packet a write: the reader takes at most 8 KiB at a time.
      const written = raw.write(pending.data.subarray(0, 8192));
      if (written <= 0) return false;
      pending.data = pending.data.subarray(written);
    }
    return raw !== undefined;
  };
  const settle = () => {
    if (!flush()) return;
    const done = drained;
    drained = undefined;
    done?.();
  };
  const duplex = new Duplex({
    allowHalfOpen: true,
    read() {},
    write(chunk: Buffer, _encoding, done) {
      pending.data = chunk;
      drained = done;
      settle();
    },
    final(done) {
      raw?.shutdown(true);
      done();
    },
    destroy(error, done) {
      raw?.end();
      done(error);
    },
  });
  const socket = {
    open: (opened: Bun.Socket) => {
      raw = opened;
      settle();
    },
    data: (_: Bun.Socket, data: Buffer) => void duplex.push(Buffer.from(data)),
    drain: settle,
    end: () => void duplex.push(null),
    close: () => void duplex.push(null),
    error: (_: Bun.Socket, error: Error) => void (isErrno(error, "EPIPE") || duplex.destroy(error)),
  };
  // `fd` is accepted by Bun and missing from its types.
  void Bun.connect({ fd, socket } as unknown as Bun.UnixSocketOptions<undefined>).catch((e: Error) =>
    duplex.destroy(e),
  );
  return duplex;
}
