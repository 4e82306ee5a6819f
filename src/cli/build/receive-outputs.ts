import { writeFileSync } from "node:fs";
import { buildOutput } from "../../client/build.ts";
import type { Client } from "../../client/client.ts";
import { ClosedError } from "../../client/errors.ts";
import { writeStream } from "../file-stream.ts";
import type { Io } from "../io.ts";
import type { Output } from "./outputs.ts";
import { writeTree } from "./write-tree.ts";

/**
 * Fetches an output that the engine has ready, and writes it where the user wants it. When the engine broke it off, that is
 * returned: the build itself tells why.
 */
export async function receiveOutput(
  { client, io }: { readonly client: Client; readonly io: Io },
  { target }: Output,
  id: string,
): Promise<ClosedError | undefined> {
  const archive = await buildOutput(client, id);
  try {
    if (target?.kind === "directory") {
      for (const name of await writeTree(archive, target.path)) {
        await io.stderr.write(`WARNING: left out ${name}: it is a device or a pipe\n`);
      }
    } else await writeStream(archive, target?.path === "-" ? "" : (target?.path ?? ""), io.stdout);
    return undefined;
  } catch (error) {
    if (error instanceof ClosedError) return error;
    throw error;
  }
}

/** The engine's facts with the descriptor as JSON, as buildx writes them. */
export function writeMetadata(path: string, facts: Readonly<Record<string, string>>): void {
  const descriptor = "containerimage.descriptor";
  const readable = Object.entries(facts).map(([name, value]) =>
    name === descriptor ? [name, JSON.parse(Buffer.from(value, "base64").toString())] : [name, value],
  );
  const sorted = readable.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
  writeFileSync(path, `${JSON.stringify(Object.fromEntries(sorted), undefined, 2)}\n`);
}
