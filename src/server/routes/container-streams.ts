import { defaultDetachKeys, parseDetachKeys } from "../../api/detach-keys.ts";
import { framedContentType, frameStreams, rawContentType } from "../../api/stream-frame.ts";
import { invalid } from "../../base/error.ts";
import { formatNanos, parseMoment } from "../../base/time.ts";
import type { LogEntry } from "../../core/log.ts";
import type { InstanceDeps } from "../../engine/instance/deps.ts";
import { publishInstanceEvent } from "../../engine/instance/events.ts";
import { findInstance } from "../../engine/instance/find.ts";
import { type Attached, attachInstance, type LogRequest, readLogs } from "../../engine/instance/output.ts";
import { awaken } from "../../engine/instance/resume.ts";
import { oneSecond, takeStats } from "../../engine/instance/stats.ts";
import { encodeStats } from "../encode/stats.ts";
import { atLeast, type Exchange, json, type Route, sent } from "../exchange.ts";
import { frameOutput, receiveInput, sendEntries, writeAll } from "../raw-stream.ts";
import { acceptWebSocket } from "../websocket.ts";

type Handler = Route<InstanceDeps>["handle"];

const attach: Handler = async (exchange, deps) => {
  const { params, query, signal } = exchange;
  const record = findInstance(deps, params["id"]!);
  const keys = parseDetachKeys(query.text("detachKeys") || defaultDetachKeys);
  await awaken(deps, record.id);
  const attached = attachInstance(deps, record.id, attachRequest(exchange), signal);
  const client = await exchange.hijack(contentType(exchange, attached.tty));
  publishInstanceEvent(deps, record, "attach");
  const output = sendEntries(client, attached.output, entryFrame(attached.tty));
  const detached = attached.stdin ? passInput(client, attached, keys) : new Promise<boolean>(() => {});
  if (!attached.stdin) client.resume();
  const byKeys = await Promise.race([
    output.then(() => false),
    detached.then((keysPressed) => (keysPressed ? true : output.then(() => false))),
  ]);
  if (byKeys) publishInstanceEvent(deps, record, "detach");
  client.end();
  return sent;
};

function attachRequest({ query }: Exchange) {
  const request = {
    logs: query.flag("logs"),
    stream: query.flag("stream"),
    stdin: query.flag("stdin"),
    stdout: query.flag("stdout"),
    stderr: query.flag("stderr"),
  };
  return request;
}

async function passInput(client: import("node:stream").Duplex, attached: Attached, keys: Uint8Array): Promise<boolean> {
  const input = await attached.stdin!.catch(() => undefined);
  if (!input) return false;
  const detached = await receiveInput(client, input, attached.tty ? keys : undefined);
  if (detached) input.destroy();
  return detached;
}

const entryFrame = (tty: boolean) => (entry: LogEntry) => frameOutput(frameStreams[entry.stream], entry.data, tty);

/** Since 1.42 the answer says whether it is framed. */
const contentType = (exchange: Exchange, tty: boolean): string =>
  !tty && atLeast(exchange, "1.42") ? framedContentType : rawContentType;

const attachWebSocket: Handler = async (exchange, deps) => {
  const { params, query, signal } = exchange;
  const keys = parseDetachKeys(query.text("detachKeys") || defaultDetachKeys);
  await awaken(deps, params["id"]!);
  const attached = attachInstance(deps, params["id"]!, attachRequest(exchange), signal);
  const socket = acceptWebSocket(exchange);
  const output = sendEntries(socket, attached.output, (entry) => entry.data);
  if (attached.stdin) void passInput(socket, attached, keys);
  else socket.resume();
  await output;
  socket.end();
  return sent;
};

const logs: Handler = async (exchange, deps) => {
  const { params, query, response, signal } = exchange;
  const record = findInstance(deps, params["id"]!);
  const request = logRequest(exchange);
  if (!request.stdout && !request.stderr) throw invalid("Bad parameters: you must choose at least one stream");
  const entries = readLogs(deps, record.id, request, signal);
  const tty = record.config.Tty ?? false;
  const prefix = linePrefix({
    timestamps: query.flag("timestamps"),
    details: query.flag("details") ? detailsOf(record) : "",
  });
  response.writeHead(200, { "Content-Type": contentType(exchange, tty) });
  response.flushHeaders();
  await sendEntries(response, entries, (entry) => frameOutput(frameStreams[entry.stream], prefix(entry), tty));
  response.end();
  return sent;
};

function logRequest({ query }: Exchange): LogRequest {
  const moment = (name: string) => {
    const text = query.text(name);
    return text && text !== "0" ? parseMoment(text) : undefined;
  };
  const tail = query.text("tail");
  return {
    follow: query.flag("follow"),
    stdout: query.flag("stdout"),
    stderr: query.flag("stderr"),
    since: moment("since"),
    until: moment("until"),
    tail: tail && /^\d+$/.test(tail) ? Number(tail) : undefined,
  };
}

/** Time and details stand once a line, also when the line came in pieces. */
function linePrefix({
  timestamps,
  details,
}: {
  timestamps: boolean;
  details: string;
}): (entry: LogEntry) => Uint8Array {
  if (!timestamps && details === "") return ({ data }) => data;
  const open = { stdout: false, stderr: false };
  return (entry) => {
    const goesOn = open[entry.stream];
    open[entry.stream] = entry.partial;
    if (goesOn) return entry.data;
    const time = timestamps ? `${formatNanos(entry.timeNano)} ` : "";
    return Buffer.concat([Buffer.from(`${time}${details === "" ? "" : `${details} `}`), entry.data]);
  };
}

/** Labels and variables that the log options name, as `key=value,…`. */
function detailsOf(record: import("../../core/instance.ts").InstanceRecord): string {
  const options = record.host.LogConfig?.Config ?? {};
  const labels = (options["labels"] ?? "").split(",").filter(Boolean);
  const names = (options["env"] ?? "").split(",").filter(Boolean);
  const pairs = [
    ...labels.flatMap((key) =>
      record.config.Labels?.[key] !== undefined ? [`${key}=${record.config.Labels[key]}`] : [],
    ),
    ...(record.config.Env ?? []).filter((entry) => names.includes(entry.split("=", 1)[0]!)),
  ];
  return pairs.length > 0 ? pairs.join(",") : " ";
}

const stats: Handler = async ({ params, query, response, signal }, deps) => {
  const { id } = findInstance(deps, params["id"]!);
  const first = takeStats(deps, id);
  if (!query.flag("stream", true)) {
    if (query.flag("one-shot")) return json(200, encodeStats(first, undefined));
    await oneSecond(signal);
    return json(200, encodeStats(takeStats(deps, id), first));
  }
  response.writeHead(200, { "Content-Type": "application/json" });
  let before = first;
  await writeAll(response, statsLine(first, undefined));
  for (;;) {
    await oneSecond(signal);
    if (signal.aborted || !deps.instances.get(id)) break;
    const sample = takeStats(deps, id);
    if (!(await writeAll(response, statsLine(sample, before)))) break;
    before = sample;
  }
  response.end();
  return sent;
};

const statsLine = (...samples: Parameters<typeof encodeStats>): Uint8Array =>
  Buffer.from(`${JSON.stringify(encodeStats(...samples))}\n`);

export const containerStreamRoutes: ReadonlyArray<Route<InstanceDeps>> = [
  { method: "POST", path: "/containers/{id}/attach", handle: attach },
  { method: "GET", path: "/containers/{id}/attach/ws", handle: attachWebSocket },
  { method: "GET", path: "/containers/{id}/logs", handle: logs },
  { method: "GET", path: "/containers/{id}/stats", handle: stats },
];
