import type { ByteStream } from "../../base/byte-stream.ts";
import type { SshKey } from "./ssh-key.ts";
import { WireReader, wireNumber, wireString } from "./ssh-wire.ts";

/** Messages of the agent's protocol. */
const message = { failure: 5, listKeys: 11, keys: 12, sign: 13, signature: 14 } as const;

const maxMessageBytes = 256 << 10;

/** Answers one connection as an SSH agent that has these keys, and gives none away. */
export async function serveKeys(connection: ByteStream, keys: readonly SshKey[]): Promise<void> {
  let rest = Buffer.alloc(0);
  for (;;) {
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE()) {
      const length = rest.readUInt32BE();
      await connection.write(wireString(answer(rest.subarray(4, 4 + length), keys)));
      rest = rest.subarray(4 + length);
    }
    if (rest.length >= 4 && rest.readUInt32BE() > maxMessageBytes) return connection.close();
    const chunk = await connection.read();
    if (chunk === undefined) return connection.end();
    rest = Buffer.concat([rest, chunk]);
  }
}

/** What an agent answers to a message; a failure to those that it does not know. */
export function answer(request: Uint8Array, keys: readonly SshKey[]): Buffer {
  try {
    const reader = new WireReader(request);
    const [type] = reader.take(1);
    if (type === message.listKeys) return listOf(keys);
    if (type === message.sign) {
      const wanted = reader.string();
      const data = reader.string();
      const key = keys.find(({ publicKey }) => publicKey.equals(wanted));
      if (key) return Buffer.concat([Buffer.from([message.signature]), wireString(key.sign(data, reader.number()))]);
    }
  } catch {
    // A message that ends too early is answered like one that is not known.
  }
  return Buffer.from([message.failure]);
}

function listOf(keys: readonly SshKey[]): Buffer {
  const each = keys.map(({ publicKey, comment }) => Buffer.concat([wireString(publicKey), wireString(comment)]));
  return Buffer.concat([Buffer.from([message.keys]), wireNumber(keys.length), ...each]);
}
