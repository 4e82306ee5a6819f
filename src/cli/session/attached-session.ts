import { FrameDecoder, frameStreams } from "../../api/stream-frame.ts";
import type { ByteStream } from "../../base/byte-stream.ts";
import type { Io } from "../io.ts";
import { DetachFilter, defaultDetachKeys, parseDetachKeys } from "./detach-keys.ts";

export interface SessionOptions {
  readonly io: Io;
  /** The process has a terminal: bytes are not framed, and the user's terminal passes every key. */
  readonly tty: boolean;
  readonly stdin: boolean;
  /** Empty for ctrl-p,ctrl-q. */
  readonly detachKeys: string;
  /** Called when the stream itself tells the exit code. */
  readonly onExitCode?: (code: number) => void;
}

/** How a session ended: the process closed its output, or the user typed the detach keys. */
export type SessionEnd = "ended" | "detached";

/** Joins the user's standard streams with a process until it ends its output or the user detaches. */
export async function runSession(stream: ByteStream, options: SessionOptions): Promise<SessionEnd> {
  const { io, tty, stdin } = options;
  const restore = tty && stdin && io.stdin.isTerminal ? io.terminal.makeRaw() : () => {};
  try {
    const output = pumpOutput(stream, options).then(() => "ended" as const);
    if (!stdin) return await output;
    const detached = pumpInput(stream, options);
    return await Promise.race([output, detached]);
  } finally {
    restore();
    stream.close();
  }
}

async function pumpOutput(stream: ByteStream, { io, tty, onExitCode }: SessionOptions): Promise<void> {
  const decoder = tty ? undefined : new FrameDecoder();
  for (;;) {
    const chunk = await stream.read();
    if (chunk === undefined) return;
    if (decoder === undefined) await io.stdout.write(chunk);
    else await writeFrames(decoder, chunk, io, onExitCode);
  }
}

/** Writes the frames of a chunk to standard output and error. */
export async function writeFrames(
  decoder: FrameDecoder,
  chunk: Uint8Array,
  { stdout, stderr }: Io,
  onExitCode?: (code: number) => void,
): Promise<void> {
  for (const { stream, data } of decoder.push(chunk)) {
    if (stream === frameStreams.exitCode) onExitCode?.(Number(Buffer.from(data).toString()));
    else await (stream === frameStreams.stdout || stream === frameStreams.stdin ? stdout : stderr).write(data);
  }
}

/** Resolves only when the user detaches; the end of the input is passed on as a half-close. */
async function pumpInput(stream: ByteStream, { io, tty, detachKeys }: SessionOptions): Promise<"detached"> {
  const filter = tty ? new DetachFilter(parseDetachKeys(detachKeys || defaultDetachKeys)) : undefined;
  try {
    for (;;) {
      const typed = await io.stdin.read();
      if (typed === undefined) break;
      const passed = filter === undefined ? typed : filter.push(typed);
      if (passed === undefined) return "detached";
      if (passed.length > 0) await stream.write(passed);
    }
    stream.end();
  } catch {
    // the process ended while input was on its way; its output tells the rest
  }
  return new Promise(() => {});
}
