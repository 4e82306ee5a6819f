import { Readable } from "node:stream";
import type { ConfinedChild, RequestOptions } from "./child.ts";
import { giveBack, takeChild } from "./children.ts";
import { type ConfinedRequest, isLastRequest } from "./protocol.ts";

/** Runs a request whose whole answer is its report. */
export async function runConfined(request: ConfinedRequest, options: RequestOptions = {}): Promise<unknown> {
  const child = takeChild();
  const result = await child.perform(request, options).done;
  release(child, request);
  return result;
}

/** Runs a request that takes an archive from a stream; fails with the child's error first, then the stream's. */
export async function feedConfined(request: ConfinedRequest, source: Readable, signal?: AbortSignal): Promise<unknown> {
  const child = takeChild();
  const { done } = child.perform(request, signal ? { signal } : {});
  done.catch(() => source.destroy());
  const [, result] = await Promise.all([feed(child, source), done]);
  release(child, request);
  return result;
}

async function feed(child: ConfinedChild, source: Readable): Promise<void> {
  try {
    await child.feed(source);
  } catch (error) {
    child.kill();
    throw error;
  }
}

/** The archive that a request writes, as a stream that fails when the child does. */
export function readConfined(request: ConfinedRequest): {
  ready: Promise<unknown>;
  /** What the child reports at its end. */
  done: Promise<unknown>;
  tar: Readable;
} {
  const child = takeChild();
  const { ready, done } = child.perform(request);
  let isWhole = false;
  async function* archive(): AsyncGenerator<Uint8Array, void> {
    try {
      yield* child.archive();
    } catch (error) {
      // Why it ended early is the child's to tell.
      await done;
      throw error;
    }
    await done;
    isWhole = true;
  }
  const tar = Readable.from(archive(), { objectMode: false });
  tar.once("close", () => (isWhole ? release(child, request) : child.kill()));
  return { ready, done, tar };
}

function release(child: ConfinedChild, request: ConfinedRequest): void {
  if (!isLastRequest(request)) giveBack(child);
}
