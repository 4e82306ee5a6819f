import { readFileSync, statSync } from "node:fs";
import type { ByteStream } from "../../base/byte-stream.ts";
import { messageOf } from "../../base/error.ts";
import type { Client } from "../../client/client.ts";
import { Exit, usageError } from "../exit.ts";
import type { Io } from "../io.ts";
import { serveKeys } from "./key-agent.ts";
import { readSshKey, type SshKey } from "./ssh-key.ts";

/** An agent: the socket of one, or keys that this command signs with itself. */
type Agent = { readonly socket: string } | { readonly keys: readonly SshKey[] };

/** SSH agents by the id that a Dockerfile knows them under. */
export type Agents = ReadonlyMap<string, Agent>;

/** Reads `default`, `id` or `id=path,…`: a path is a socket or a private key; without one it is that of SSH_AUTH_SOCK. */
export function readAgents(texts: readonly string[], { env }: Pick<Io, "env">): Agents {
  return new Map(
    texts.map((text) => {
      const [, id = "", paths] = /^([^=]+)(?:=(.+))?$/s.exec(text) ?? [];
      if (id === "") throw usageError(`invalid ssh ${text}: it is ID, ID=SOCKET or ID=KEY`);
      const given = paths?.split(",") ?? [env["SSH_AUTH_SOCK"] ?? ""];
      if (given[0] === "") throw usageError("invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set");
      return [id, agentAt(given)];
    }),
  );
}

function agentAt(paths: readonly string[]): Agent {
  if (paths.length === 1 && !statSync(paths[0]!, { throwIfNoEntry: false })?.isFile()) return { socket: paths[0]! };
  return { keys: paths.map(readKey) };
}

function readKey(path: string): SshKey {
  try {
    return readSshKey(readFileSync(path, "utf8"));
  } catch (error) {
    throw new Exit(1, `isle: the key ${path} cannot be used: ${messageOf(error)}`);
  }
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
    const here = agents.get(agent)!;
    if ("keys" in here) return await serveKeys(far, here.keys);
    const near = await io.dial({ kind: "unix", path: here.socket });
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
