import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { isErrno } from "../../base/error.ts";
import type { ConfinedRequest } from "./protocol.ts";
import { type ConfinedOptions, startConfined } from "./start.ts";

/** Runs a request whose whole answer is its report. */
export async function runConfined(request: ConfinedRequest, options: ConfinedOptions = {}): Promise<unknown> {
  const child = startConfined(request, options);
  if (options.inputFd === undefined) child.input.end();
  child.output.resume();
  return await child.done;
}

/** Runs a request that takes an archive from a stream; fails with the child's error first, then the stream's. */
export async function feedConfined(request: ConfinedRequest, source: Readable, signal?: AbortSignal): Promise<unknown> {
  const child = startConfined(request, signal ? { signal } : {});
  child.output.resume();
  const fed = pipeline(source, child.input).catch((error: unknown) => {
    // The child closes its input when it gives up; its own report tells why.
    if (source.errored && !isErrno(source.errored, "EPIPE")) {
      child.kill();
      throw source.errored;
    }
    return error;
  });
  const [, result] = await Promise.all([fed, child.done]);
  return result;
}

/** The archive that a request writes, as a stream that fails when the child does. */
export function readConfined(request: ConfinedRequest): {
  ready: Promise<unknown>;
  /** What the child reports at its end. */
  done: Promise<unknown>;
  tar: Readable;
} {
  const child = startConfined(request);
  child.input.end();
  // When a child ends, its output is thrown away unless somebody listens for it, and ours may be read late.
  child.output.on("readable", () => {});
  const tar = Readable.from(outputOf(child), { objectMode: false });
  tar.once("close", () => child.kill());
  return { ready: child.ready, done: child.done, tar };
}

async function* outputOf(child: ReturnType<typeof startConfined>): AsyncGenerator<Buffer, void> {
  yield* child.output as AsyncIterable<Buffer>;
  await child.done;
}
