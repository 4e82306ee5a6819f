import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { invalid } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { errorReply } from "./error-map.ts";
import type { Exchange, Reply } from "./exchange.ts";
import { readJsonBody } from "./json-body.ts";
import { Query } from "./query.ts";
import type { Router } from "./router.ts";

export const apiVersion = "1.51";
export const minApiVersion = "1.24";

export interface HttpServerOptions<Deps> {
  readonly router: Router<Deps>;
  readonly deps: Deps;
  readonly log: Logger;
  /** Sent with every answer, such as Server and Ostype. */
  readonly headers: Readonly<Record<string, string>>;
  readonly onRequest?: (facts: { method: string; route: string; status: number; seconds: number }) => void;
}

/** As much as Docker takes: builds send credentials and secrets in headers. */
const maxHeaderSize = 1 << 20;

/** An HTTP server over the routes; with `tls` it wants client certificates. */
export function createHttpServer<Deps>(options: HttpServerOptions<Deps>, tls?: ServerOptions): Server {
  const onRequest = (request: IncomingMessage, response: ServerResponse) =>
    void answer(options, { request, response, socket: undefined });
  const server = tls
    ? (createTlsServer({ ...tls, maxHeaderSize }, onRequest) as Server)
    : createServer({ maxHeaderSize }, onRequest);
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (head.length > 0) socket.unshift(head);
    void answer(options, { request, response: new ServerResponse(request), socket });
  });
  // Waits, event streams and attachments last as long as they like.
  server.requestTimeout = 0;
  server.headersTimeout = 60_000;
  server.keepAliveTimeout = 60_000;
  return server;
}

interface Incoming {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The bare connection of a request that asked for an upgrade. */
  readonly socket: Duplex | undefined;
}

/** One request: find the route, run it, send what it answers or what went wrong. */
async function answer<Deps>(options: HttpServerOptions<Deps>, incoming: Incoming): Promise<void> {
  const { request, response, socket } = incoming;
  const started = performance.now();
  const out = socket ? upgradedOutput(socket, options.headers) : plainOutput(response, options.headers);
  const refuse = refusal(options.log, incoming, out);
  const over = new AbortController();
  let route = "unknown";
  let status = 0;
  try {
    const url = new URL(request.url ?? "/", "http://isle");
    const { path, version } = splitVersion(url.pathname);
    checkVersion(version);
    const match = options.router.match(request.method ?? "GET", path);
    route = match.route.path;
    const exchange = createExchange({ ...incoming, over, params: match.params, url, version });
    const reply = await match.route.handle(exchange, options.deps);
    status = reply.status === "sent" ? response.statusCode : reply.status;
    if (reply.status !== "sent") out.reply(reply);
  } catch (error) {
    status = refuse(error);
  } finally {
    // Whoever still listens on behalf of this request need not any more.
    over.abort(new Error("the request is over"));
  }
  options.onRequest?.({ method: request.method ?? "", route, status, seconds: (performance.now() - started) / 1000 });
}

/** Sends an error and returns its status. A body of unknown length is not read to its end, which may never come. */
function refusal(log: Logger, { request, socket }: Incoming, out: Output): (error: unknown) => number {
  // Taken now: a request that was given up has no connection any more.
  const connection = request.socket;
  const endless = !socket && request.headers["transfer-encoding"] !== undefined;
  return (error) => {
    const { status, message } = errorReply(error);
    const facts = { method: request.method, url: request.url, status, error: message };
    log[status >= 500 ? "error" : "debug"]("request failed", facts);
    const isUnread = endless && !request.readableEnded;
    // One that was broken off cannot be read any more.
    const headers: Record<string, string> = isUnread && request.destroyed ? { Connection: "close" } : {};
    out.reply(status === 304 ? { status } : { status, json: { message }, headers });
    if (isUnread) readOn(request, connection);
    return status;
  };
}

type Answer = Extract<Reply, { status: number }>;

interface Output {
  reply(reply: Answer): void;
}

function plainOutput(response: ServerResponse, headers: Readonly<Record<string, string>>): Output {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  return {
    reply({ status, json, headers: more = {} }) {
      if (response.headersSent || response.destroyed) return void response.end();
      const body = json === undefined ? undefined : `${JSON.stringify(json)}\n`;
      response.writeHead(status, {
        ...(body !== undefined && { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) }),
        ...(body === undefined && status !== 204 && status !== 304 && { "Content-Length": 0 }),
        ...more,
      });
      response.end(body);
    },
  };
}

/** A request that asked for an upgrade gets an ordinary answer when there is nothing to upgrade to. */
function upgradedOutput(socket: Duplex, headers: Readonly<Record<string, string>>): Output {
  socket.on("error", () => {});
  return {
    reply({ status, json, headers: more = {} }) {
      // What went out already cannot be taken back: the client sees the connection break.
      if (upgraded.has(socket)) return void socket.destroy();
      const body = json === undefined ? "" : `${JSON.stringify(json)}\n`;
      const all = {
        ...headers,
        ...more,
        "Content-Type": "application/json",
        "Content-Length": Buffer.byteLength(body),
        Connection: "close",
      };
      const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
      socket.end(`HTTP/1.1 ${status} ${status < 400 ? "OK" : "Error"}\r\n${lines.join("\r\n")}\r\n\r\n${body}`);
    },
  };
}

/** `/v1.44/info` is `/info` in the words of 1.44; without a version it is the newest. */
function splitVersion(pathname: string): { path: string; version: string } {
  const match = /^\/v(\d+\.\d+)(\/.*)$/.exec(pathname);
  return match ? { path: match[2]!, version: match[1]! } : { path: pathname, version: apiVersion };
}

function checkVersion(version: string): void {
  const minor = Number(version.split(".")[1]);
  const isOurs = version.startsWith("1.");
  if (isOurs && minor < Number(minApiVersion.split(".")[1])) {
    throw invalid(
      `client version ${version} is too old. Minimum supported API version is ${minApiVersion}, please upgrade your client to a newer version`,
    );
  }
  if (!isOurs || minor > Number(apiVersion.split(".")[1])) {
    throw invalid(`client version ${version} is too new. Maximum supported API version is ${apiVersion}`);
  }
}

const graceMs = 1000;

/** A client may send on what is refused already, and reads the answer only then: it gets a moment for both. */
function readOn(request: IncomingMessage, connection: Socket): void {
  const cut = setTimeout(() => connection.destroy(), graceMs).unref();
  request.once("end", () => clearTimeout(cut));
  if (!request.destroyed) request.resume();
}

interface Parts extends Incoming {
  /** Ends the exchange's signal. */
  readonly over: AbortController;
  readonly params: Readonly<Record<string, string>>;
  readonly url: URL;
  readonly version: string;
}

function createExchange({ request, response, socket, over, params, url, version }: Parts): Exchange {
  const hangUp = () => over.abort(new Error("the client hung up"));
  response.on("close", () => response.writableFinished || hangUp());
  if (socket) onHangUp(socket, hangUp);
  return {
    request,
    response,
    params,
    query: new Query(url.searchParams),
    apiVersion: version,
    signal: over.signal,
    upgradeSocket: socket,
    readJson: () => readJsonBody(request),
    hijack: async (contentType) => (socket ? upgrade(socket, contentType) : takeOver(request, response, contentType)),
  };
}

/** Connections that are no longer HTTP. */
const upgraded = new WeakSet<Duplex>();

/** Calls back when an upgraded connection broke. */
function onHangUp(socket: Duplex, hangUp: () => void): void {
  // A client that sent all its input still wants the output. Without this the end of its input would close it.
  (socket as Duplex & { allowHalfOpen: boolean }).allowHalfOpen = true;
  socket.once("close", hangUp);
  socket.once("error", hangUp);
}

function upgrade(socket: Duplex, contentType: string): Duplex {
  upgraded.add(socket);
  socket.write(`HTTP/1.1 101 UPGRADED\r\nContent-Type: ${contentType}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`);
  return socket;
}

/** For clients that do not ask for an upgrade: the body streams in, the answer streams out. */
function takeOver(request: IncomingMessage, response: ServerResponse, contentType: string): Duplex {
  response.writeHead(200, { "Content-Type": contentType, Connection: "close" });
  response.flushHeaders();
  // A client whose input is still open would otherwise wait with it for ever.
  response.once("finish", () => request.socket.end());
  const both = Duplex.from({ readable: request, writable: response } as unknown as Duplex);
  // A client that vanishes is told by the exchange's signal.
  both.on("error", () => {});
  return both;
}
