import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { isErrno } from "../../../base/error.ts";

/** conmon writes at most 8 KiB of text in one entry. */
const windowBytes = 64 * 1024;
const entryPattern = /^\S+ (stdout|stderr) ([FP]) /;

/**
 * Before the file `removed` goes: when it ends amid a line, the rest of that line at the beginning of `next` is made
 * unreadable, so that no reader takes the rest for a line of its own. Neither file may be written to any more.
 */
export function hideRestOfLine(removed: string, next: string): void {
  const stream = streamOfOpenLine(removed);
  if (stream === undefined) return;
  const file = openIfPresent(next, "r+");
  if (file === undefined) return;
  try {
    for (const { offset, isLast } of restOfLine(readAt(file, 0), stream)) {
      // No stream has this name, so the entry is passed over.
      writeSync(file, "x", offset);
      if (isLast) return;
    }
  } finally {
    closeSync(file);
  }
}

/** The stream whose last entry in the file is a piece. */
function streamOfOpenLine(path: string): string | undefined {
  const file = openIfPresent(path, "r");
  if (file === undefined) return undefined;
  try {
    const tail = readAt(file, Math.max(0, fstatSync(file).size - windowBytes));
    const last = entryPattern.exec(tail.trimEnd().split("\n").at(-1) ?? "");
    return last?.[2] === "P" ? last[1] : undefined;
  } finally {
    closeSync(file);
  }
}

/** Where the stream's name stands in its first entries, up to the one that ends the line. */
function* restOfLine(text: string, stream: string): Generator<{ offset: number; isLast: boolean }> {
  let start = 0;
  for (const line of text.split("\n")) {
    const match = entryPattern.exec(line);
    if (match?.[1] === stream) yield { offset: start + line.indexOf(" ") + 1, isLast: match[2] === "F" };
    start += line.length + 1;
  }
}

function openIfPresent(path: string, flags: "r" | "r+"): number | undefined {
  try {
    return openSync(path, flags);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Bytes as characters, one for one, so that places in the text are places in the file. */
function readAt(file: number, position: number): string {
  const buffer = Buffer.alloc(windowBytes);
  return buffer.toString("latin1", 0, readSync(file, buffer, 0, windowBytes, position));
}
