import type { Duplex } from "node:stream";
import { unsupported } from "../../base/error.ts";
import { type InstanceRecord, isRunning } from "../../core/instance.ts";
import type { LogEntry, LogReadOptions } from "../../core/log.ts";
import type { InstanceDeps } from "./deps.ts";
import { findInstance, runtimeOf } from "./find.ts";

export interface LogRequest extends LogReadOptions {
  readonly follow: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** Stored output, and with `follow` what comes until the instance ends for good or `signal` fires. */
export function readLogs(
  deps: InstanceDeps,
  text: string,
  request: LogRequest,
  signal: AbortSignal,
): AsyncIterable<LogEntry> {
  const record = findInstance(deps, text);
  if (record.host.LogConfig?.Type === "none") {
    throw unsupported("configured logging driver does not support reading");
  }
  return ofStreams(logEntries(deps, record, request, signal), request);
}

async function* logEntries(
  deps: InstanceDeps,
  record: InstanceRecord,
  request: LogRequest,
  signal: AbortSignal,
): AsyncGenerator<LogEntry> {
  const path = deps.settings.paths.log(record.id);
  // Begun before the stored output is read, so that no end is missed.
  const ended = request.follow ? untilEnd(deps, record, signal, { acrossRestarts: true }) : Promise.resolve();
  const from = deps.logs.end(path);
  for await (const entry of deps.logs.read(path, request)) {
    if (signal.aborted) return;
    yield entry;
  }
  if (!request.follow) return;
  for await (const entry of deps.logs.follow(path, from, ended)) {
    if (signal.aborted || (request.until !== undefined && entry.timeNano > request.until)) return;
    yield entry;
  }
}

async function* ofStreams(
  entries: AsyncIterable<LogEntry>,
  { stdout, stderr }: { stdout: boolean; stderr: boolean },
): AsyncGenerator<LogEntry> {
  for await (const entry of entries) if (entry.stream === "stdout" ? stdout : stderr) yield entry;
}

/** Settles when nothing more will be written. */
function untilEnd(
  deps: InstanceDeps,
  record: InstanceRecord,
  signal: AbortSignal,
  { acrossRestarts }: { acrossRestarts: boolean },
): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      off();
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const off = deps.signals.on(record.id, ({ kind }) => {
      const back = acrossRestarts && deps.instances.get(record.id)?.state.status === "restarting";
      if (kind === "removed" || kind === "failed" || (kind === "exited" && !back)) finish();
    });
    signal.addEventListener("abort", finish);
    const present = deps.instances.get(record.id);
    const waiting = present?.state.status === "created" || present?.state.status === "restarting";
    if (acrossRestarts && present && !isRunning(present) && !waiting) finish();
  });
}

export interface AttachRequest {
  readonly logs: boolean;
  readonly stream: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

export interface Attached {
  readonly tty: boolean;
  /** Output from now on (with `logs`, from the beginning); ends with the instance. */
  readonly output: AsyncIterable<LogEntry>;
  /** The workload's standard input, as soon as it runs. */
  readonly stdin: Promise<Duplex> | undefined;
}

/**
 * Joins an instance's streams, before or after its start. Output is read from the log, so a slow client neither slows
 * the workload nor loses a byte.
 */
export function attachInstance(
  deps: InstanceDeps,
  text: string,
  request: AttachRequest,
  signal: AbortSignal,
): Attached {
  const record = findInstance(deps, text);
  const path = deps.settings.paths.log(record.id);
  const from = deps.logs.end(path);
  const ended = untilEnd(deps, record, signal, { acrossRestarts: false });
  const wantsInput = request.stdin && request.stream && record.config.OpenStdin === true;
  if (wantsInput) deps.attached.beginInput(record.id, signal);
  return {
    tty: record.config.Tty ?? false,
    output: ofStreams(attachedEntries(), request),
    stdin: wantsInput ? openStdin(deps, record, signal) : undefined,
  };
  async function* attachedEntries(): AsyncGenerator<LogEntry> {
    if (request.logs) yield* deps.logs.read(path);
    if (!request.stream) return;
    const end = deps.attached.begin(record.id);
    try {
      for await (const entry of deps.logs.follow(path, from, ended)) {
        if (signal.aborted) return;
        yield entry;
      }
    } finally {
      end();
    }
  }
}

async function openStdin(deps: InstanceDeps, record: InstanceRecord, signal: AbortSignal): Promise<Duplex> {
  const running = deps.instances.get(record.id);
  if (!running || !isRunning(running)) await deps.signals.next(record.id, ["started", "failed", "removed"], signal);
  const socket = runtimeOf(deps, record).openStdin(record.id);
  // The supervisor copies output to every attached socket; ours reads the log instead.
  socket.resume();
  return socket;
}
