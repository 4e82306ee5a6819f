import { closeSync, openSync, readdirSync, statSync } from "node:fs";
import { IsleError, isErrno } from "../base/error.ts";
import { runWithUs } from "./dying-child.ts";
import { check, libc } from "./libc.ts";
import { mount } from "./mount.ts";

const getFree = 0x4c82n;
const getStatus = 0x4c04n;
const configure = 0x4c0an;
/** The device is freed with the last mount or descriptor that uses it. */
const autoClear = 4;
/** `struct loop_config`: descriptor and block size, then `struct loop_info64`, then reserved words. */
const configBytes = 304;
const infoBytes = 232;
const flagsOffset = 8 + 52;

/** An empty file system that holds at most so many bytes, a little less for its own records. */
export async function makeImage(file: string, bytes: number): Promise<void> {
  await runWithUs("truncate", ["-s", String(bytes), "--", file]);
  await runWithUs("mkfs.ext4", ["-q", "-F", "-m", "0", "-E", "nodiscard,lazy_itable_init=1", "--", file]);
}

/** Mounts a file with an ext4 file system in it. One file never gets two devices: each would have its own idea of it. */
export function mountImage(file: string, target: string): void {
  for (let left = 20; left > 0; left -= 1) {
    const device = deviceOf(file) ?? attach(file);
    if (!device) continue;
    try {
      mount({ source: device.path, target, type: "ext4" });
      return;
    } catch (error) {
      // The device went with a mount that ended just now.
      if (left === 1 || !isErrno(error, "ENXIO", "EINVAL", "ENOENT", "EIO")) throw error;
    } finally {
      closeSync(device.fd);
    }
  }
  throw new IsleError("unavailable", `no loop device for ${file}: others took each free one`);
}

interface Device {
  readonly path: string;
  readonly fd: number;
}

/** The loop device that has the file already, such as one whose last mount is still ending. */
function deviceOf(file: string): Device | undefined {
  const { dev, ino } = statSync(file, { bigint: true });
  const attached = readdirSync("/sys/block").filter((name) => /^loop\d+$/.test(name) && isAttached(name));
  for (const name of attached) {
    const device = openDevice(`/dev/${name}`);
    if (!device) continue;
    const info = Buffer.alloc(infoBytes);
    const known = libc.ioctl(device.fd, getStatus, info) === 0;
    if (known && info.readBigUInt64LE(0) === dev && info.readBigUInt64LE(8) === ino) return device;
    closeSync(device.fd);
  }
  return undefined;
}

const isAttached = (name: string): boolean =>
  statSync(`/sys/block/${name}/loop`, { throwIfNoEntry: false }) !== undefined;

function openDevice(path: string): Device | undefined {
  try {
    return { path, fd: openSync(path, "r+") };
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENXIO", "EBUSY")) return undefined;
    throw error;
  }
}

/** Undefined when another process took the free device first. */
function attach(file: string): Device | undefined {
  const number = freeNumber();
  const device = openDevice(`/dev/loop${number}`);
  if (!device) {
    throw new IsleError("unavailable", `no free loop device to mount ${file}: /dev/loop${number} does not exist`, {
      hint: "stop instances or volumes that have a size, or make the device",
    });
  }
  const backing = openSync(file, "r+");
  try {
    const config = Buffer.alloc(configBytes);
    config.writeUInt32LE(backing, 0);
    config.writeUInt32LE(autoClear, flagsOffset);
    check(libc.ioctl(device.fd, configure, config), "LOOP_CONFIGURE", device.path);
    return device;
  } catch (error) {
    closeSync(device.fd);
    if (isErrno(error, "EBUSY")) return undefined;
    throw error;
  } finally {
    closeSync(backing);
  }
}

function freeNumber(): number {
  const control = openSync("/dev/loop-control", "r+");
  try {
    return check(libc.ioctl(control, getFree, new Uint8Array(8)), "LOOP_CTL_GET_FREE", "/dev/loop-control");
  } catch (cause) {
    throw new IsleError("unavailable", "no free loop device", { hint: "losetup -a tells who has them", cause });
  } finally {
    closeSync(control);
  }
}
