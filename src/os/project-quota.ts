import { ptr } from "bun:ffi";
import { closeSync, constants, existsSync, openSync, realpathSync } from "node:fs";
import { isErrno } from "../base/error.ts";
import { check, libc } from "./libc.ts";
import { listMounts } from "./mount.ts";

const quotactlFd = 443n;
const projectQuota = 2;
const command = (number: number): number => (number << 8) | projectQuota;
const getQuota = command(0x5803);
const setLimit = command(0x5804);
/** Bytes of `struct fs_disk_quota`; limits are in blocks of 512 bytes. */
const quotaBytes = 112;
const blockBytes = 512n;
const blockLimits = 4 | 8;

const getAttributes = 0x801c581fn;
const setAttributes = 0x401c5820n;
const attributeBytes = 28;
const inheritProject = 0x200;

/** True where the file system counts and limits what directories hold: XFS or ext4 mounted with prjquota. */
function hasProjectQuota(path: string): boolean {
  const real = realpathSync(path);
  const holding = listMounts().filter(
    ({ target }) => target === "/" || real === target || real.startsWith(`${target}/`),
  );
  const mount = holding.sort((a, b) => a.target.length - b.target.length).at(-1);
  const enforced = mount?.superOptions.some((option) => option === "prjquota" || option === "pquota");
  return enforced === true && (mount?.type === "xfs" || mount?.type === "ext4");
}

/**
 * Limits what an empty directory may come to hold. False where the file system or the kernel cannot. On ext4, processes
 * with CAP_SYS_RESOURCE are not held to it.
 */
export function limitDirectory(path: string, bytes: number): boolean {
  if (!hasProjectQuota(path)) return false;
  return onDirectory(path, (directory) => {
    try {
      const project = freeProject(directory);
      quotactl(directory, { command: setLimit, project, quota: limitOf(project, bytes) });
      setProject(directory, project);
      return true;
    } catch (error) {
      if (isErrno(error, "ENOSYS", "EOPNOTSUPP", "ENOTTY", "EINVAL", "ESRCH")) return false;
      throw error;
    }
  });
}

/** Forgets the limit of a directory that is to be removed; quiet when it has none, or is not there. */
export function unlimitDirectory(path: string): void {
  if (!existsSync(path) || !hasProjectQuota(path)) return;
  onDirectory(path, (directory) => {
    const project = readAttributes(directory).readUInt32LE(12);
    if (project !== 0) quotactl(directory, { command: setLimit, project, quota: limitOf(project, 0) });
  });
}

function onDirectory<T>(path: string, work: (directory: number) => T): T {
  const directory = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    return work(directory);
  } finally {
    closeSync(directory);
  }
}

/** A number that no other directory of the file system goes by. */
function freeProject(directory: number): number {
  for (;;) {
    const project = 1 + Math.floor(Math.random() * 0x7ffffffe);
    const quota = Buffer.alloc(quotaBytes);
    try {
      quotactl(directory, { command: getQuota, project, quota });
    } catch (error) {
      if (isErrno(error, "ENOENT")) return project;
      throw error;
    }
    // Hard limit, and blocks and inodes in use.
    if ([8, 40, 48].every((offset) => quota.readBigUInt64LE(offset) === 0n)) return project;
  }
}

function limitOf(project: number, bytes: number): Buffer {
  const quota = Buffer.alloc(quotaBytes);
  quota.writeInt8(1, 0);
  quota.writeInt8(projectQuota, 1);
  quota.writeUInt16LE(blockLimits, 2);
  quota.writeUInt32LE(project, 4);
  for (const offset of [8, 16]) quota.writeBigUInt64LE(BigInt(bytes) / blockBytes, offset);
  return quota;
}

function quotactl(directory: number, call: { command: number; project: number; quota: Buffer }): void {
  const { command: number, project, quota } = call;
  // Numbers where the declaration says pointers: the call takes plain words.
  const word = (value: number) => value as unknown as Uint8Array;
  check(libc.syscall(quotactlFd, directory, word(number), word(project), BigInt(ptr(quota))), "quotactl_fd");
}

function readAttributes(directory: number): Buffer {
  const attributes = Buffer.alloc(attributeBytes);
  check(libc.ioctl(directory, getAttributes, attributes), "FS_IOC_FSGETXATTR");
  return attributes;
}

/** What is made in the directory from now on counts for the project. */
function setProject(directory: number, project: number): void {
  const attributes = readAttributes(directory);
  attributes.writeUInt32LE(attributes.readUInt32LE(0) | inheritProject, 0);
  attributes.writeUInt32LE(project, 12);
  check(libc.ioctl(directory, setAttributes, attributes), "FS_IOC_FSSETXATTR");
}
