export type TarEntryType = "file" | "hardLink" | "symlink" | "charDevice" | "blockDevice" | "directory" | "fifo";

/** One entry of a tar archive. Names are bytes: archives may hold names that are not UTF-8. */
export interface TarEntry {
  readonly name: Uint8Array;
  readonly type: TarEntryType;
  /** Target of a hard or symbolic link. */
  readonly linkName: Uint8Array;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Size of the file once written, holes included; 0 for anything but a file. */
  readonly sizeBytes: number;
  /** Nanoseconds since 1970. */
  readonly modifiedNanos: bigint;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
}

/** An entry with everything but name and type at rest. */
export function tarEntry(name: string | Uint8Array, type: TarEntryType, rest: Partial<TarEntry> = {}): TarEntry {
  return {
    linkName: Buffer.alloc(0),
    mode: type === "directory" ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    sizeBytes: 0,
    modifiedNanos: 0n,
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: new Map(),
    ...rest,
    name: typeof name === "string" ? Buffer.from(name) : name,
    type,
  };
}

export const blockBytes = 512;

/** Bytes that fill the last block of a body of this size. */
export const paddingOf = (sizeBytes: number): number => (blockBytes - (sizeBytes % blockBytes)) % blockBytes;
