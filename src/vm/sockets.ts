import { connect, type Socket } from "node:net";
import { followProcess, type GuestExec } from "./exec-session.ts";
import { type Frame, FrameReader } from "./frame-reader.ts";
import { fieldTag, frameType } from "./generated/protocol.ts";
import { field, frame } from "./plan/fields.ts";
import { openRelay } from "./relay-client.ts";

/**
 * Has connections to the sockets in a guest's container answered by those at these paths of the machine, in the order of the
 * container's, until the machine ends. Connections are frames in the streams of one process of the guest (`guest/agent/sockets.c`).
 */
export async function answerSockets(directory: string, paths: readonly string[]): Promise<void> {
  const order = Buffer.concat([field(fieldTag.operation, "sockets"), field(fieldTag.openInput)]);
  const relay = await openRelay(directory);
  const reader = new FrameReader();
  const connections = new Connections(paths, () => process);
  const process: GuestExec = followProcess(
    relay,
    { type: frameType.files, payload: order },
    {
      onOutput(data) {
        try {
          for (const each of reader.push(data)) connections.hear(each);
        } catch {
          // A guest that says what cannot be is not heard any more.
          process.close();
        }
      },
      onErrors: () => {},
    },
  );
  void process.ended.finally(() => connections.close()).catch(() => {});
  await process.started;
}

/** More than the agent takes at a time, since it may begin one before the end of another has come through here. */
const mostConnections = 128;

class Connections {
  readonly #paths: readonly string[];
  readonly #process: () => GuestExec;
  readonly #open = new Map<number, Socket>();
  /** What the guest is told goes one after the other. */
  #told: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(paths: readonly string[], process: () => GuestExec) {
    this.#paths = paths;
    this.#process = process;
  }

  hear({ type, stream, payload }: Frame): void {
    if (type === frameType.started) this.#begin(stream, this.#paths[payload.readUInt32LE(0)]);
    const socket = this.#open.get(stream);
    if (type === frameType.exited) socket?.destroy();
    if (type !== frameType.output || !socket) return;
    if (payload.length === 0) socket.end();
    else if (!socket.write(Buffer.from(payload))) this.#waitFor(socket);
  }

  close(): void {
    for (const socket of this.#open.values()) socket.destroy();
  }

  #begin(stream: number, path: string | undefined): void {
    const isNew = !this.#open.has(stream) && this.#open.size < mostConnections;
    if (path === undefined || !isNew) throw new Error("no such connection can be");
    const socket = connect({ path, allowHalfOpen: true });
    this.#open.set(stream, socket);
    socket.on("data", (data: Buffer) => {
      socket.pause();
      this.#tell(...pieces(stream, data));
      void this.#told.then(() => socket.resume());
    });
    socket.on("end", () => this.#tell(frame(frameType.input, stream)));
    socket.on("error", () => socket.destroy());
    socket.once("close", (hadError) => {
      this.#open.delete(stream);
      if (hadError || !socket.readableEnded) this.#tell(frame(frameType.exited, stream));
    });
  }

  #tell(...frames: Buffer[]): void {
    for (const each of frames) this.#told = this.#told.then(() => this.#process().write(each));
    this.#told = this.#told.catch(() => {});
  }

  /** Who is answered slowly is not to fill the daemon. */
  #waitFor(socket: Socket): void {
    this.#waiting += 1;
    this.#process().hold();
    const go = (): void => {
      socket.off("drain", go);
      socket.off("close", go);
      this.#waiting -= 1;
      if (this.#waiting === 0) this.#process().go();
    };
    socket.on("drain", go);
    socket.on("close", go);
  }
}

const pieceBytes = 16_384;

function* pieces(stream: number, data: Buffer): Generator<Buffer, void> {
  for (let at = 0; at < data.length; at += pieceBytes) {
    yield frame(frameType.input, stream, data.subarray(at, at + pieceBytes));
  }
}
