import type { OciProcess } from "../core/oci-spec.ts";
import type { Frame } from "./frame-reader.ts";
import { frameType, protocolLimit } from "./generated/protocol.ts";
import { type FrameType, terminalShape, u32 } from "./plan/fields.ts";
import { planProcess } from "./plan/process.ts";
import { failureOf, openRelay, type RelaySession } from "./relay-client.ts";

export interface GuestStreams {
  onOutput(data: Buffer): void;
  onErrors(data: Buffer): void;
}

export interface GuestExecWish extends GuestStreams {
  readonly process: OciProcess;
  readonly input: boolean;
  readonly filter: Uint8Array | undefined;
}

export interface GuestExec {
  /** Its number in the guest; fails with what keeps the command from running. */
  readonly started: Promise<number>;
  /** Exit code. */
  readonly ended: Promise<number>;
  /** Resolves when more may be written. */
  write(data: Uint8Array): Promise<void>;
  endInput(): void;
  resize(rows: number, columns: number): void;
  signal(number: number): void;
  /** Stops reading until `go`. */
  hold(): void;
  go(): void;
  close(): void;
}

/** The command cannot be run, for this reason. */
export class CannotRun extends Error {
  readonly errno: number;
  constructor(text: string, errno: number) {
    super(text);
    this.errno = errno;
  }
}

/** Runs a command in the guest's container; its bytes go both ways in frames. */
export async function execInGuest(directory: string, wish: GuestExecWish): Promise<GuestExec> {
  const order = { type: frameType.exec, payload: planProcess(wish.process, wish) };
  return followProcess(await openRelay(directory), order, wish);
}

interface Order {
  readonly type: FrameType;
  readonly payload: Uint8Array;
}

/** Sends an order that makes a process of the guest, and follows what becomes of it. */
export function followProcess(relay: RelaySession, order: Order, streams: GuestStreams): GuestExec {
  const window = new Window();
  const { promise: started, resolve: begin, reject: refuse } = Promise.withResolvers<number>();
  const { promise: ended, resolve: end, reject: lose } = Promise.withResolvers<number>();
  for (const promise of [started, ended]) promise.catch(() => {});
  relay.onFrame((frame) => {
    if (frame.type === frameType.started) begin(frame.payload.readUInt32LE(0));
    else if (frame.type === frameType.failed) {
      const { errno, text } = failureOf(frame);
      const problem = new CannotRun(text, errno);
      refuse(problem);
      lose(problem);
      relay.close();
    } else if (frame.type === frameType.exited) {
      end(frame.payload.readUInt32LE(0));
      relay.close();
    } else pass(frame, streams, window);
  });
  void relay.closed.then(() => {
    const problem = new CannotRun("the microVM ended", 0);
    refuse(problem);
    // The end of everything ends the command as a kill would.
    end(137);
    window.add(Number.MAX_SAFE_INTEGER);
  });
  relay.send(order.type, order.payload);
  return { started, ended, ...controls(relay, window) };
}

function pass({ type, payload }: Frame, streams: GuestStreams, window: Window): void {
  if (type === frameType.output) streams.onOutput(Buffer.from(payload));
  else if (type === frameType.errors) streams.onErrors(Buffer.from(payload));
  else if (type === frameType.credit) window.add(payload.readUInt32LE(0));
}

function controls(relay: RelaySession, window: Window) {
  return {
    async write(data: Uint8Array) {
      for (let at = 0; at < data.length; at += protocolLimit.chunk) {
        const chunk = data.subarray(at, at + protocolLimit.chunk);
        await window.take(chunk.length);
        relay.send(frameType.input, chunk);
      }
    },
    endInput: () => void relay.send(frameType.input),
    resize: (rows: number, columns: number) => void relay.send(frameType.resize, terminalShape(rows, columns)),
    signal: (number: number) => void relay.send(frameType.signal, u32(number)),
    hold: () => void relay.socket.pause(),
    go: () => void relay.socket.resume(),
    close: () => relay.close(),
  };
}

/** Bytes that may be on their way; the guest gives back what it has passed on. */
class Window {
  #left: number = protocolLimit.window;
  #waiting: Array<() => void> = [];

  add(bytes: number): void {
    this.#left += bytes;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async take(bytes: number): Promise<void> {
    while (this.#left < bytes) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#left -= bytes;
  }
}
