import { statSync } from "node:fs";
import { invalid, isErrno, notFound } from "../../base/error.ts";
import type { Input } from "./input.ts";
import type { ConfinedRequest } from "./protocol.ts";
import { TreeWriter } from "./tree-writer.ts";
import { unpackStream } from "./unpack-stream.ts";

/** Unpacks an archive into a directory of the root that was entered. */
export async function extract(request: Extract<ConfinedRequest, { op: "extract" }>, input: Input): Promise<null> {
  enterDirectory(request.path);
  const { keepKind = false, keepDirectories = false, owner, parentOwner = owner, parentMode = 0o755 } = request;
  const options = { whiteouts: "literal" as const, keepTop: true, keepKind, keepDirectories, parentMode };
  await unpackStream(
    input,
    new TreeWriter({ ...options, ...(owner && { owner }), ...(parentOwner && { parentOwner }) }),
  );
  return null;
}

function enterDirectory(path: string): void {
  try {
    if (!statSync(path).isDirectory()) throw invalid("extraction point is not a directory");
    process.chdir(path);
  } catch (error) {
    if (isErrno(error, "ENOENT")) throw notFound(`Could not find the file ${path} in container`);
    throw error;
  }
}
