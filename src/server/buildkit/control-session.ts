import { Duplex } from "node:stream";
import { invalid } from "../../base/error.ts";
import type { Call } from "../grpc/grpc-server.ts";
import { type Codec, codec } from "./messages.ts";
import type { SessionName } from "./sessions.ts";

const bytesMessage: Codec<{ data: Uint8Array }> = codec("BytesMessage");

/** A session that a client opens as a call of the control service instead of on a connection of its own. */
export async function callSession(
  call: Call,
  hold: (connection: Duplex, name: SessionName) => Promise<void>,
): Promise<void> {
  const header = (name: string): string => String(call.headers[`x-docker-expose-session-${name}`] ?? "");
  const id = header("uuid");
  if (id === "") throw invalid("the session has no id");
  const connection = duplexOf(call);
  call.signal.addEventListener("abort", () => connection.destroy(), { once: true });
  await hold(connection, { id, sharedKey: header("sharedkey") });
}

function duplexOf(call: Call): Duplex {
  const stream = new Duplex({
    read() {},
    write(chunk: Uint8Array, _encoding, done) {
      call.send(bytesMessage.encode({ data: chunk }));
      done();
    },
  });
  void (async () => {
    try {
      for await (const message of call.messages) stream.push(Uint8Array.from(bytesMessage.decode(message).data));
    } finally {
      stream.destroy();
    }
  })().catch(() => {});
  return stream;
}
