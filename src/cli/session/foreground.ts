import { actOnContainer, attachContainer, type WaitCondition, waitContainer } from "../../client/containers.ts";
import type { Context } from "../command.ts";
import { Exit } from "../exit.ts";
import type { SessionEnd } from "./attached-session.ts";

export interface Foreground {
  readonly id: string;
  readonly tty: boolean;
  readonly streams: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
  readonly detachKeys: string;
  /** Signals this process gets go to the container's. */
  readonly proxies: boolean;
  readonly condition: WaitCondition;
  /** Runs between the attach and the first byte; what it throws ends everything. */
  start(): Promise<unknown>;
}

export type ForegroundEnd = { readonly end: "detached" } | { readonly end: "ended"; readonly code: number };

type ForegroundContext = Pick<Context, "client" | "io">;

/** Attaches to a container, starts it, and stays until its process ends or the user detaches. */
export async function runForeground(context: ForegroundContext, options: Foreground): Promise<ForegroundEnd> {
  const { client, io } = context;
  const { id, streams, tty, detachKeys, condition } = options;
  const attaches = streams.stdin || streams.stdout || streams.stderr;
  const [stream, { outcome }, session] = await Promise.all([
    attaches ? attachContainer(client, id, { ...streams, detachKeys }) : undefined,
    waitContainer(client, id, condition),
    import("./attached-session.ts"),
  ]);
  outcome.catch(() => {}); // awaited below, unless the start fails or the user detaches
  const stopProxy = options.proxies ? await proxySignalsTo(context, id) : () => {};
  const ending = stream && session.runSession(stream, { io, tty, stdin: streams.stdin, detachKeys });
  ending?.catch(() => {}); // likewise
  let stopResizes = () => {};
  try {
    await options.start();
    if (tty) stopResizes = await followResizesOf(context, id);
    const end: SessionEnd | undefined = await ending;
    return end === "detached" ? { end } : { end: "ended", code: await exitCode(outcome) };
  } finally {
    stream?.close();
    stopProxy();
    stopResizes();
  }
}

async function exitCode(outcome: Awaited<ReturnType<typeof waitContainer>>["outcome"]): Promise<number> {
  const { StatusCode, Error: failure } = await outcome;
  if (failure?.Message) throw new Exit(125, `Error waiting for container: ${failure.Message}`);
  return StatusCode ?? 0;
}

async function proxySignalsTo({ io, client }: ForegroundContext, id: string): Promise<() => void> {
  const { proxySignals } = await import("./signal-proxy.ts");
  return proxySignals(io, (signal) => actOnContainer(client, id, { verb: "kill", query: { signal } }));
}

async function followResizesOf({ io, client }: ForegroundContext, id: string): Promise<() => void> {
  const { followResizes } = await import("./resize.ts");
  return followResizes(io, (query) => actOnContainer(client, id, { verb: "resize", query }));
}
