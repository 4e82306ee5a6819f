import { closeSync, constants, openSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { conflict, IsleError, isErrno } from "../base/error.ts";
import { type Frame, FrameReader } from "./frame-reader.ts";
import { frameType } from "./generated/protocol.ts";
import { machineFiles } from "./places.ts";
import { type FrameType, frame } from "./plan/fields.ts";

/** A conversation with the relay of one microVM: one request, and for an exec what follows it. */
export interface RelaySession {
  send(type: FrameType, payload?: Uint8Array): boolean;
  /** Called for every frame of the answer. */
  onFrame(listener: (frame: Frame) => void): void;
  /** Resolves when the relay has closed the connection. */
  readonly closed: Promise<void>;
  readonly socket: Socket;
  close(): void;
}

/** Connects to the relay; fails with conflict when the microVM has ended. */
export function openRelay(directory: string): Promise<RelaySession> {
  return new Promise((resolve, reject) => {
    // A socket address holds 107 bytes of path, so the directory is named through a descriptor.
    let place: number;
    try {
      place = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
    } catch (error) {
      reject(gone(error));
      return;
    }
    const socket = connect(`/proc/self/fd/${place}/${machineFiles.control}`);
    const failed = (error: Error) => {
      closeSync(place);
      reject(gone(error));
    };
    socket.once("error", failed);
    socket.once("connect", () => {
      closeSync(place);
      socket.off("error", failed);
      resolve(session(socket));
    });
  });
}

const gone = (cause: unknown): unknown =>
  isErrno(cause, "ENOENT", "ECONNREFUSED") ? conflict("container is not running", { cause }) : cause;

function session(socket: Socket): RelaySession {
  const reader = new FrameReader();
  const listeners: Array<(frame: Frame) => void> = [];
  const early: Frame[] = [];
  socket.on("data", (chunk: Buffer) => {
    for (const each of reader.push(chunk)) {
      if (listeners.length === 0) early.push(each);
      for (const listener of listeners) listener(each);
    }
  });
  socket.on("error", () => {});
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  return {
    send: (type, payload) => socket.write(frame(type, 0, payload)),
    onFrame(listener) {
      listeners.push(listener);
      for (const each of early.splice(0)) listener(each);
    },
    closed,
    socket,
    close: () => socket.destroy(),
  };
}

/** What a failed frame says. */
export function failureOf({ payload }: Frame): { errno: number; text: string } {
  return { errno: payload.length >= 4 ? payload.readUInt32LE(0) : 0, text: payload.subarray(4).toString() };
}

/** One request with one answer: the data that came before it was done. Of a guest that may be hostile or hang, within a time. */
export async function askRelay(
  directory: string,
  type: FrameType,
  payload?: Uint8Array,
  patienceMs?: number,
): Promise<Buffer> {
  const relay = await openRelay(directory);
  const data: Buffer[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    return await new Promise<Buffer>((resolve, reject) => {
      const late = () => reject(new IsleError("internal", `the microVM did not answer within ${patienceMs! / 1000} s`));
      if (patienceMs !== undefined) timer = setTimeout(late, patienceMs);
      relay.onFrame((answer) => {
        if (answer.type === frameType.data) data.push(Buffer.from(answer.payload));
        if (answer.type === frameType.done || answer.type === frameType.started) resolve(Buffer.concat(data));
        if (answer.type === frameType.failed) reject(new IsleError("internal", failureOf(answer).text));
      });
      void relay.closed.then(() => reject(conflict("container is not running")));
      relay.send(type, payload);
    });
  } finally {
    clearTimeout(timer);
    relay.close();
  }
}
