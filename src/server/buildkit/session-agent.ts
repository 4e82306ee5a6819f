import { Duplex } from "node:stream";
import { isCode } from "../../base/error.ts";
import type { SshAgent } from "../../engine/build/request.ts";
import { listenForAgent } from "../build/agent-socket.ts";
import type { OpenCall } from "../grpc/grpc-client.ts";
import { type Codec, codec } from "./messages.ts";
import type { ClientSession } from "./sessions.ts";

const bytesMessage: Codec<{ data: Uint8Array }> = codec("BytesMessage");

/** An agent that the client forwards over its session; undefined when it has none of that id. */
export async function sessionAgent(
  directory: string,
  session: ClientSession,
  id: string,
): Promise<SshAgent | undefined> {
  try {
    await session.checkAgent(id);
  } catch (error) {
    if (isCode(error, "notFound") || isCode(error, "unsupported") || isCode(error, "unavailable")) return undefined;
    throw error;
  }
  return await listenForAgent(directory, async () => duplexOf(session.openAgent(id)));
}

/** The bytes of a call that is a connection. */
function duplexOf(call: OpenCall): Duplex {
  const stream = new Duplex({
    read() {},
    write(chunk: Uint8Array, _encoding, done) {
      void call.send(bytesMessage.encode({ data: chunk })).then(() => done());
    },
    final(done) {
      call.end();
      done();
    },
  });
  void (async () => {
    try {
      for await (const message of call.messages) stream.push(Uint8Array.from(bytesMessage.decode(message).data));
      stream.push(null);
    } catch {
      stream.destroy();
    }
  })();
  return stream;
}
