import { setTimeout } from "node:timers/promises";
import { run } from "./process.ts";

interface Bound {
  readonly directory: string;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** What the work fails with when it is too much. */
  readonly tooMuch: () => Error;
}

const firstLookMs = 500;

/**
 * Runs work that fills a directory, and ends it by its signal once there is more than there may be. It looks
 * now and then, the less often the longer a look takes, and once more at the end.
 */
export async function withinSize<T>(bound: Bound, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const exceeded = new AbortController();
  const over = new AbortController();
  const watch = watchSize(bound, exceeded, over.signal);
  try {
    const result = await work(AbortSignal.any([bound.signal, exceeded.signal]));
    if ((await bytesIn(bound.directory)) > bound.maxBytes) throw bound.tooMuch();
    return result;
  } catch (error) {
    throw exceeded.signal.aborted ? bound.tooMuch() : error;
  } finally {
    over.abort();
    await watch;
  }
}

async function watchSize({ directory, maxBytes }: Bound, exceeded: AbortController, over: AbortSignal): Promise<void> {
  let pauseMs = firstLookMs;
  while (await waited(pauseMs, over)) {
    const began = performance.now();
    if ((await bytesIn(directory)) > maxBytes) return exceeded.abort();
    pauseMs = Math.max(firstLookMs, 10 * (performance.now() - began));
  }
}

const waited = (ms: number, signal: AbortSignal): Promise<boolean> =>
  setTimeout(ms, true, { signal }).catch(() => false);

/** As long as the files are: a file system may store less, and later. Those that come and go meanwhile make no difference. */
async function bytesIn(directory: string): Promise<number> {
  const { stdout } = await run("du", ["-s", "-b", "--", directory]);
  return Number(/^\d+/.exec(stdout)?.[0] ?? 0);
}
