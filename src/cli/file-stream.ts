import { createReadStream } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { usageError } from "./exit.ts";
import type { Input, Output } from "./io.ts";

/** Pieces of standard input to its end. */
export async function* inputChunks(stdin: Input): AsyncGenerator<Uint8Array, void> {
  for (;;) {
    const chunk = await stdin.read();
    if (chunk === undefined) return;
    yield chunk;
  }
}

const readBytes = 512 * 1024;

/** Pieces of a file, opened before this resolves so that a missing one is noticed early. */
export async function fileChunks(path: string): Promise<AsyncIterable<Uint8Array>> {
  await stat(path);
  return createReadStream(path, { highWaterMark: readBytes });
}

/** Writes a stream to a file, which appears whole or not at all, or to standard output for an empty path. */
export async function writeStream(chunks: AsyncIterable<Uint8Array>, path: string, stdout: Output): Promise<void> {
  if (path === "") {
    for await (const chunk of chunks) await stdout.write(chunk);
    return;
  }
  const target = await stat(path).catch(() => undefined);
  if (target?.isDirectory()) throw usageError(`invalid output path: "${path}" must be a file`);
  const inPlace = target !== undefined && !target.isFile(); // a device or pipe cannot be replaced
  const temporary = inPlace ? path : `${path}.${process.pid}.tmp`;
  try {
    const file = await open(temporary, "w", 0o600);
    try {
      for await (const chunk of chunks) await file.writeFile(chunk);
    } finally {
      await file.close();
    }
    if (!inPlace) await rename(temporary, path);
  } catch (error) {
    if (!inPlace) await rm(temporary, { force: true });
    throw error;
  }
}

/** Refuses to pour an archive over the user's terminal. */
export function refuseTerminal(path: string, stdout: Output): void {
  if (path === "" && stdout.isTerminal)
    throw usageError("cowardly refusing to save to a terminal. Use the -o flag or redirect");
}
