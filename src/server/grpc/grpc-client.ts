import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from "node:http2";
import type { Duplex } from "node:stream";
import { IsleError } from "../../base/error.ts";
import { frameMessage, readMessages } from "./frames.ts";

/** A call that was begun: both sides may send any number of messages. */
export interface OpenCall {
  readonly messages: AsyncIterable<Uint8Array>;
  /** Waits while the other side reads slower than we write. */
  send(message: Uint8Array): Promise<void>;
  end(): void;
}

export interface GrpcClient {
  /** Begins a call; its messages end with the error that the other side's status tells. */
  open(path: string, metadata?: OutgoingHttpHeaders): OpenCall;
  /** A call of one message each way. */
  ask(path: string, message: Uint8Array): Promise<Uint8Array>;
  close(): void;
}

/** Calls services on a connection that was taken over, whose far end is the server. */
export function createGrpcClient(connection: Duplex): GrpcClient {
  const session = connect("http://localhost", { createConnection: () => connection });
  session.on("error", () => {});
  const open: GrpcClient["open"] = (path, metadata = {}) => openCall(session, path, metadata);
  return {
    open,
    async ask(path, message) {
      const call = open(path);
      await call.send(message);
      call.end();
      let answer: Uint8Array = new Uint8Array(0);
      for await (const each of call.messages) answer = Uint8Array.from(each);
      return answer;
    },
    close: () => session.destroy(),
  };
}

function openCall(session: ClientHttp2Session, path: string, metadata: OutgoingHttpHeaders): OpenCall {
  const stream = session.request({
    ...{ ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" },
    ...metadata,
  });
  const status = statusOf(stream);
  return {
    messages: messagesOf(stream, path, status),
    send: (message) =>
      new Promise((resolve) => {
        if (stream.destroyed || stream.write(frameMessage(message))) resolve();
        else for (const event of ["drain", "close"]) stream.once(event, () => resolve());
      }),
    end: () => stream.end(),
  };
}

interface GrpcStatus {
  readonly code: number;
  readonly message: string;
}

/** From the trailers, or from the headers of an answer that has nothing else. */
function statusOf(stream: ClientHttp2Stream): Promise<GrpcStatus> {
  return new Promise((resolve) => {
    const take = (headers: Readonly<Record<string, unknown>>): void => {
      const code = headers["grpc-status"];
      if (code === undefined) return;
      resolve({ code: Number(code), message: decodeURIComponent(String(headers["grpc-message"] ?? "")) });
    };
    stream.on("response", take);
    stream.on("trailers", take);
    stream.on("error", () => {});
    stream.once("close", () => resolve({ code: 14, message: "the client's session ended" }));
  });
}

async function* messagesOf(
  stream: ClientHttp2Stream,
  path: string,
  status: Promise<GrpcStatus>,
): AsyncGenerator<Uint8Array, void> {
  let broken: unknown;
  try {
    yield* readMessages(stream);
  } catch (error) {
    // A call that the other side refuses ends while ours is open: its status says why.
    broken = error;
  }
  const { code, message } = await status;
  if (code !== 0) throw new IsleError(errorCodes[code] ?? "unavailable", `${path.split("/").at(-1)}: ${message}`);
  if (broken !== undefined) throw broken;
}

const errorCodes: Readonly<Record<number, "notFound" | "forbidden" | "unsupported">> = {
  5: "notFound",
  7: "forbidden",
  12: "unsupported",
};
