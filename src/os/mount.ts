import { readFileSync } from "node:fs";
import { isErrno } from "../base/error.ts";
import { check, cString, libc } from "./libc.ts";

export const mountFlag = {
  readonly: 1,
  nosuid: 2,
  nodev: 4,
  noexec: 8,
  synchronous: 16,
  remount: 32,
  directorySync: 128,
  noAccessTime: 1024,
  noDirectoryAccessTime: 2048,
  bind: 4096,
  recursive: 16384,
  private: 1 << 18,
  slave: 1 << 19,
  shared: 1 << 20,
  relativeAccessTime: 1 << 21,
  strictAccessTime: 1 << 24,
} as const;

export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly type?: string;
  /** Sum of `mountFlag`s. */
  readonly flags?: number;
  /** File system's own options, comma separated; under 4,096 bytes. */
  readonly data?: string;
}

export function mount({ source, target, type = "", flags = 0, data = "" }: Mount): void {
  const result = libc.mount(cString(source), cString(target), cString(type), BigInt(flags), cString(data));
  check(result, "mount", target);
}

/** Detaches the mount at `target` even while it is busy; quiet when there is none. */
export function unmount(target: string): void {
  const detach = 2;
  const noFollow = 8;
  try {
    check(libc.umount2(cString(target), detach | noFollow), "umount", target);
  } catch (error) {
    if (!isErrno(error, "EINVAL", "ENOENT")) throw error;
  }
}

export interface MountInfo {
  readonly id: number;
  readonly parent: number;
  readonly root: string;
  readonly target: string;
  readonly options: readonly string[];
  /** Such as `shared:3` or `master:2`; empty for a private mount. */
  readonly propagation: readonly string[];
  readonly type: string;
  readonly source: string;
  readonly superOptions: readonly string[];
}

/** The mounts this process sees, in mount order. */
export function listMounts(): MountInfo[] {
  return readFileSync("/proc/self/mountinfo", "utf8").trimEnd().split("\n").map(parseMountInfo);
}

/** Reads one line of proc(5) mountinfo. */
export function parseMountInfo(line: string): MountInfo {
  const [before = "", after = ""] = line.split(" - ");
  const [id, parent, , root = "", target = "", options = "", ...propagation] = before.split(" ");
  const [type = "", source = "", superOptions = ""] = after.split(" ");
  return {
    id: Number(id),
    parent: Number(parent),
    root: unescapeOctal(root),
    target: unescapeOctal(target),
    options: options.split(","),
    propagation,
    type,
    source: unescapeOctal(source),
    superOptions: superOptions.split(","),
  };
}

const unescapeOctal = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
