import { type Codec, codec } from "./messages.ts";

/** What one side says of one file. `mode` is Go's os.FileMode. */
export interface FileStat {
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Nanoseconds since 1970, exact to a microsecond or so: more than a double holds. A text is exact on the way out. */
  readonly modTime: number | string;
  readonly linkname: string;
  readonly devmajor: number;
  readonly devminor: number;
  readonly xattrs?: Readonly<Record<string, Uint8Array>>;
}

export interface Packet {
  readonly type: number;
  readonly stat: FileStat | null;
  readonly ID: number;
  readonly data: Uint8Array;
}

/** The messages in which files are copied between client and engine, either way. */
export const packets: Codec<Packet> = codec("Packet");
export const packetType = { stat: 0, request: 1, data: 2, finish: 3, error: 4 } as const;

export const goMode = {
  directory: 2 ** 31,
  symlink: 2 ** 27,
  device: 2 ** 26,
  fifo: 2 ** 25,
  setuid: 2 ** 23,
  setgid: 2 ** 22,
  character: 2 ** 21,
  sticky: 2 ** 20,
};
export const has = (mode: number, bit: number): boolean => Math.floor(mode / bit) % 2 === 1;
