import { dlopen, ptr } from "bun:ffi";
import { closeSync, constants, fstatSync, openSync } from "node:fs";

const TIOCGWINSZ = 0x5413;
const TIOCSWINSZ = 0x5414;
const TCSANOW = 0;
/** struct termios is 60 bytes on every Linux; room for more costs nothing. */
const termiosBytes = 128;
const localFlagsOffset = 12;
const ECHO = 0x8;

/** Loaded on first use: most commands talk to a pipe and never need it. */
let library: ReturnType<typeof load> | undefined;

function load() {
  return dlopen("libc.so.6", {
    isatty: { args: ["i32"], returns: "i32" },
    ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
    tcgetattr: { args: ["i32", "ptr"], returns: "i32" },
    tcsetattr: { args: ["i32", "i32", "ptr"], returns: "i32" },
    cfmakeraw: { args: ["ptr"], returns: "void" },
  }).symbols;
}

function libc() {
  library ??= load();
  return library;
}

export function isTerminal(fd: number): boolean {
  try {
    return fstatSync(fd).isCharacterDevice() && libc().isatty(fd) === 1;
  } catch {
    return false; // the descriptor is closed
  }
}

/** Columns and rows of a terminal; undefined when `fd` is none. */
export function terminalSize(fd: number): { columns: number; rows: number } | undefined {
  const size = new Uint16Array(4);
  if (libc().ioctl(fd, BigInt(TIOCGWINSZ), ptr(size)) !== 0) return undefined;
  return { columns: size[1]!, rows: size[0]! };
}

/** Sets the size of the terminal that is a process's standard input; one that has ended or has none is left alone. */
export function resizeTerminalOf(pid: number, { columns, rows }: { columns: number; rows: number }): void {
  let fd: number;
  try {
    fd = openSync(`/proc/${pid}/fd/0`, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  } catch {
    return;
  }
  libc().ioctl(fd, BigInt(TIOCSWINSZ), ptr(new Uint16Array([rows, columns, 0, 0])));
  closeSync(fd);
}

/** Passes every key through unchanged until the returned function restores the terminal. */
export const makeRaw = (fd: number): (() => void) => change(fd, (termios) => libc().cfmakeraw(ptr(termios)));

/** Hides what is typed until the returned function restores the terminal. */
export const hideInput = (fd: number): (() => void) =>
  change(fd, (termios) => {
    const view = new DataView(termios.buffer);
    view.setUint32(localFlagsOffset, view.getUint32(localFlagsOffset, true) & ~ECHO, true);
  });

function change(fd: number, edit: (termios: Uint8Array) => void): () => void {
  const before = new Uint8Array(termiosBytes);
  if (libc().tcgetattr(fd, ptr(before)) !== 0) return () => {};
  const after = before.slice();
  edit(after);
  libc().tcsetattr(fd, TCSANOW, ptr(after));
  return () => void libc().tcsetattr(fd, TCSANOW, ptr(before));
}

/** Calls back when the terminal's size changes; the returned function stops it. */
export function onTerminalResize(listener: () => void): () => void {
  process.on("SIGWINCH", listener);
  return () => void process.off("SIGWINCH", listener);
}
