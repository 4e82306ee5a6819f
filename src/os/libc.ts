/**
 * The system calls that neither node: nor Bun offers, through bun:ffi. Everything here is synchronous and short;
 * a failing call throws a system error shaped like Node's, with `code`, `errno`, `syscall` and `path`.
 */

import { dlopen, read } from "bun:ffi";
import { constants } from "node:os";

const { symbols: c } = dlopen("libc.so.6", {
  __errno_location: { args: [], returns: "ptr" },
  mount: { args: ["ptr", "ptr", "ptr", "u64", "ptr"], returns: "i32" },
  umount2: { args: ["ptr", "i32"], returns: "i32" },
  unshare: { args: ["i32"], returns: "i32" },
  setns: { args: ["i32", "i32"], returns: "i32" },
  fchdir: { args: ["i32"], returns: "i32" },
  chroot: { args: ["ptr"], returns: "i32" },
  mknod: { args: ["ptr", "u32", "u64"], returns: "i32" },
  lsetxattr: { args: ["ptr", "ptr", "ptr", "u64", "i32"], returns: "i32" },
  lgetxattr: { args: ["ptr", "ptr", "ptr", "u64"], returns: "i64" },
  llistxattr: { args: ["ptr", "ptr", "u64"], returns: "i64" },
  utimensat: { args: ["i32", "ptr", "ptr", "i32"], returns: "i32" },
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  send: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
  recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
  madvise: { args: ["u64", "u64", "i32"], returns: "i32" },
  if_nametoindex: { args: ["ptr"], returns: "u32" },
  getrlimit: { args: ["i32", "ptr"], returns: "i32" },
  syscall: { args: ["i64", "i64", "ptr", "ptr", "u64"], returns: "i64" },
  close: { args: ["i32"], returns: "i32" },
  memfd_create: { args: ["ptr", "u32"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  lseek: { args: ["i32", "i64", "i32"], returns: "i64" },
  flock: { args: ["i32", "i32"], returns: "i32" },
  prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
  execve: { args: ["ptr", "ptr", "ptr"], returns: "i32" },
  setfsuid: { args: ["u32"], returns: "i32" },
  setfsgid: { args: ["u32"], returns: "i32" },
  capget: { args: ["ptr", "ptr"], returns: "i32" },
  capset: { args: ["ptr", "ptr"], returns: "i32" },
  setsid: { args: [], returns: "i32" },
  ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
  renameat2: { args: ["i32", "ptr", "i32", "ptr", "u32"], returns: "i32" },
});

export { c as libc };

/** A NUL-terminated copy for a `char *` argument; bytes pass through, so names need not be UTF-8. */
export function cString(text: string | Uint8Array): Uint8Array {
  const bytes = typeof text === "string" ? Buffer.from(text, "utf8") : text;
  if (bytes.includes(0)) throw systemError("EINVAL", "string", bytes);
  const out = new Uint8Array(bytes.length + 1);
  out.set(bytes);
  return out;
}

/** Throws when a call returned -1, else passes its result on. */
export function check<T extends number | bigint>(result: T, syscall: string, path?: string | Uint8Array): T {
  if (Number(result) !== -1) return result;
  throw systemError(codeOf(read.i32(c.__errno_location()!, 0)), syscall, path);
}

const codes = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));
const codeOf = (number: number): string => codes.get(number) ?? `errno ${number}`;

function systemError(code: string, syscall: string, path?: string | Uint8Array): NodeJS.ErrnoException {
  const where = path === undefined ? "" : ` '${typeof path === "string" ? path : Buffer.from(path).toString()}'`;
  const error: NodeJS.ErrnoException = new Error(`${code}: ${syscall}${where}`);
  error.code = code;
  error.errno = constants.errno[code as keyof typeof constants.errno] ?? 0;
  error.syscall = syscall;
  return error;
}
