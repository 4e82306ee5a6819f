import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";
import { isCode } from "../../base/error.ts";
import { errorReply } from "../error-map.ts";
import { frameMessage, readMessages } from "./frames.ts";

/** One call: its messages, and the way to send some. */
export interface Call {
  readonly headers: IncomingHttpHeaders;
  readonly messages: AsyncIterable<Uint8Array>;
  /** Aborted when the caller goes away. */
  readonly signal: AbortSignal;
  send(message: Uint8Array): void;
}

/** By path, such as `/moby.buildkit.v1.Control/Solve`. A method that returns has answered with status 0. */
export type Methods = Readonly<Record<string, (call: Call) => Promise<void>>>;

/** Serves gRPC on a connection that was taken over; resolves when it is closed. */
export function serveGrpc(connection: Duplex, methods: Methods): Promise<void> {
  const server = createServer();
  server.on("stream", (stream, headers) => void answer(stream as ServerHttp2Stream, headers, methods));
  server.on("sessionError", () => connection.destroy());
  server.emit("connection", connection);
  return new Promise((resolve) => {
    connection.once("close", () => {
      server.close();
      resolve();
    });
  });
}

/** A failure that is answered with a status of one's own choice. */
export class StatusError extends Error {
  readonly code: number;
  /** google.rpc.Status, encoded, for clients that read more than the message. */
  readonly details: Uint8Array | undefined;

  constructor(code: number, message: string, details?: Uint8Array) {
    super(message);
    this.name = "StatusError";
    this.code = code;
    this.details = details;
  }
}

export const statusCodes = { ok: 0, unknown: 2, invalidArgument: 3, notFound: 5, unimplemented: 12 } as const;

async function answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, methods: Methods): Promise<void> {
  const over = new AbortController();
  stream.on("error", () => over.abort());
  stream.once("close", () => over.abort(new Error("the caller went away")));
  let code: number = statusCodes.ok;
  let message = "";
  let details: Uint8Array | undefined;
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.once("wantTrailers", () => {
    stream.sendTrailers({
      "grpc-status": String(code),
      ...(message && { "grpc-message": encodeURIComponent(message) }),
      ...(details && { "grpc-status-details-bin": Buffer.from(details).toString("base64") }),
    });
  });
  const path = String(headers[":path"]);
  try {
    const method = Object.hasOwn(methods, path) ? methods[path] : undefined;
    if (!method) {
      code = statusCodes.unimplemented;
      message = `${path} is not served`;
    } else
      await method({
        headers,
        messages: messagesOf(stream),
        signal: over.signal,
        send: (data) => send(stream, data),
      });
  } catch (error) {
    code = codeOf(error);
    message = errorReply(error).message;
    if (error instanceof StatusError) details = error.details;
  }
  if (!stream.destroyed) stream.end();
}

/** Reading no further must not end the call. */
const messagesOf = (stream: ServerHttp2Stream): AsyncIterable<Uint8Array> =>
  readMessages(stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>);

function codeOf(error: unknown): number {
  if (error instanceof StatusError) return error.code;
  if (isCode(error, "invalid")) return statusCodes.invalidArgument;
  if (isCode(error, "notFound")) return statusCodes.notFound;
  return isCode(error, "unsupported") ? statusCodes.unimplemented : statusCodes.unknown;
}

function send(stream: ServerHttp2Stream, message: Uint8Array): void {
  if (!stream.destroyed && !stream.writableEnded) stream.write(frameMessage(message));
}

/** The one message of a call that has just one. */
export async function onlyMessage({ messages }: Call): Promise<Uint8Array> {
  for await (const message of messages) return message;
  return new Uint8Array(0);
}
