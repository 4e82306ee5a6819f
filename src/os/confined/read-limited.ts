import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { invalid, isErrno } from "../../base/error.ts";

/** A regular file as base64, null when there is none. Neither a FIFO nor a device can hold us up. */
export function readLimited(path: string, maxBytes: number): string | null {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "ENXIO")) return null;
    throw error;
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) return null;
    if (stat.size > maxBytes) throw invalid(`${path} is larger than ${maxBytes} bytes`);
    return readFileSync(file).toString("base64");
  } finally {
    closeSync(file);
  }
}
