import { invalid } from "../../base/error.ts";

/** gRPC puts five bytes before each message: whether it is compressed, and its length. */
export function frameMessage(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(5 + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}

const maxMessageBytes = 16 << 20;

/** The messages of a stream of frames, however it was cut. Fails with invalid when it is none. */
export async function* readMessages(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of source) {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    for (let length = messageLength(rest); length !== undefined; length = messageLength(rest)) {
      yield rest.subarray(5, 5 + length);
      rest = rest.subarray(5 + length);
    }
  }
  if (rest.length > 0) throw invalid("a gRPC stream ended within a message");
}

/** Undefined while the message is not whole. */
function messageLength(bytes: Buffer): number | undefined {
  if (bytes.length < 5) return undefined;
  if (bytes[0] !== 0) throw invalid("compressed gRPC messages are not taken");
  const length = bytes.readUInt32BE(1);
  if (length > maxMessageBytes) throw invalid(`a gRPC message of ${length} bytes is too large`);
  return bytes.length < 5 + length ? undefined : length;
}
