import { check, cString, libc } from "./libc.ts";

const typeBits = { charDevice: 0o020000, blockDevice: 0o060000, fifo: 0o010000 };

/** Makes a device node or FIFO. */
export function makeNode(
  path: Uint8Array,
  kind: keyof typeof typeBits,
  device: { major: number; minor: number } = { major: 0, minor: 0 },
): void {
  check(libc.mknod(cString(path), typeBits[kind] | 0o600, deviceNumber(device)), "mknod", path);
}

/** Linux's encoding of a device number in 64 bits. */
export function deviceNumber({ major, minor }: { major: number; minor: number }): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn);
}

export function splitDevice(device: bigint): { major: number; minor: number } {
  return {
    major: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n)),
    minor: Number((device & 0xffn) | ((device >> 12n) & 0xffffff00n)),
  };
}

const atFdCwd = -100;
const noFollow = 0x100;
const times = new BigInt64Array(4);

/** Sets access and modification time of the path itself, in nanoseconds since 1970. */
export function setTimes(path: Uint8Array, nanos: bigint): void {
  const billion = 1_000_000_000n;
  const fraction = ((nanos % billion) + billion) % billion;
  const seconds = (nanos - fraction) / billion;
  times[0] = times[2] = seconds;
  times[1] = times[3] = fraction;
  check(libc.utimensat(atFdCwd, cString(path), times, noFollow), "utimensat", path);
}
