import { invalid } from "../error.ts";

/**
 * The name of an entry as a path relative to where the archive is unpacked: no leading slash, no empty, `.` or `..`
 * parts; empty for the top directory itself. A name that leads out of the top fails with invalid.
 */
export function cleanName(name: Uint8Array): Buffer {
  const text = Buffer.from(name).toString("latin1");
  if (isClean(text)) return Buffer.from(name);
  const parts: string[] = [];
  for (const part of text.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) throw invalid(`invalid tar entry: "${printable(name)}" is outside of the root`);
  }
  return Buffer.from(parts.join("/"), "latin1");
}

/** An entry's name for messages: bounded, with unprintable bytes replaced. */
export const printable = (name: Uint8Array): string =>
  Buffer.from(name.subarray(0, 256))
    .toString("utf8")
    .replace(/[\x00-\x1f\x7f]/g, "?");

const isClean = (text: string): boolean => text !== "" && !/^\/|\/\/|\/$|(?:^|\/)\.{1,2}(?:\/|$)/.test(text);
