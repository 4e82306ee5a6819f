import type { ByteStream } from "../../base/byte-stream.ts";
import type { Client } from "../../client/client.ts";
import { usageError } from "../exit.ts";
import type { Io } from "../io.ts";

/** Sockets of SSH agents by the id that a Dockerfile knows them under. */
export type Agents = ReadonlyMap<string, string>;

/** Reads `default`, `id` or `id=socket`; without a socket it is that of SSH_AUTH_SOCK. */
export function readAgents(texts: readonly string[], { env }: Pick<Io, "env">): Agents {
  return new Map(
    texts.map((text) => {
      const [, id = "", socket] = /^([^=]+)(?:=(.+))?$/s.exec(text) ?? [];
      if (id === "") throw usageError(`invalid ssh ${text}: it is ID or ID=SOCKET`);
      const path = socket ?? env["SSH_AUTH_SOCK"];
      if (!path) throw usageError(`invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set`);
      return [id, path];
    }),
  );
}

interface Wanted {
  readonly agent: string;
  readonly id: string;
}

/** Joins an agent with the connection that a build wants to it, until either ends. */
export async function forwardAgent(
  { client, io }: { client: Client; io: Io },
  agents: Agents,
  { agent, id }: Wanted,
): Promise<void> {
  const far = await client.hijack("POST", `/isle/build/agent/${id}`);
  try {
    const near = await io.dial({ kind: "unix", path: agents.get(agent)! });
    await Promise.all([copy(near, far), copy(far, near)]);
    near.close();
  } finally {
    far.close();
  }
}

async function copy(from: ByteStream, to: ByteStream): Promise<void> {
  for (let chunk = await from.read(); chunk !== undefined; chunk = await from.read()) await to.write(chunk);
  to.end();
}
