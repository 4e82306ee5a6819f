import { isErrno } from "../base/error.ts";
import { check, cString, libc } from "./libc.ts";

const valueBuffer = Buffer.alloc(1 << 16);

/** Value of an extended attribute of the path itself, undefined when it has none. */
export function readXattr(path: Uint8Array, name: string): Buffer | undefined {
  const size = Number(libc.lgetxattr(cString(path), cString(name), valueBuffer, BigInt(valueBuffer.length)));
  return size < 0 ? undefined : Buffer.from(valueBuffer.subarray(0, size));
}

/** Names of the extended attributes of the path itself; none where the file system keeps none. */
export function listXattrs(path: Uint8Array): string[] {
  const size = Number(libc.llistxattr(cString(path), valueBuffer, BigInt(valueBuffer.length)));
  return size <= 0 ? [] : valueBuffer.toString("utf8", 0, size - 1).split("\0");
}

export function writeXattr(path: Uint8Array, name: string, value: Uint8Array): void {
  // A zero-length view has no address; one spare byte gives it one.
  const bytes = value.length === 0 ? new Uint8Array(1) : value;
  check(libc.lsetxattr(cString(path), cString(name), bytes, BigInt(value.length), 0), "lsetxattr", path);
}

/** As `writeXattr`, false when the file system or our rights do not allow this attribute. */
export function tryWriteXattr(path: Uint8Array, name: string, value: Uint8Array): boolean {
  try {
    writeXattr(path, name, value);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOTSUP", "EOPNOTSUPP", "EPERM")) return false;
    throw error;
  }
}
