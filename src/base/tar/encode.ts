import { blockBytes, paddingOf, type TarEntry, type TarEntryType, tarEntry } from "./entry.ts";
import { xattrPrefix } from "./parser.ts";
import { encodePax, formatPaxTime } from "./pax.ts";

const typeFlags: Record<TarEntryType, string> = {
  file: "0",
  hardLink: "1",
  symlink: "2",
  charDevice: "3",
  blockDevice: "4",
  directory: "5",
  fifo: "6",
};

/** Two zero blocks: the end of an archive. */
export const endOfArchive = (): Buffer => Buffer.alloc(2 * blockBytes);

/** Zero bytes that follow a body of this size. */
export const padding = (sizeBytes: number): Buffer => Buffer.alloc(paddingOf(sizeBytes));

/** A regular file as an entry of its own. */
export function* encodeFile(name: string, bytes: Uint8Array): Generator<Uint8Array, void> {
  yield encodeEntry(tarEntry(name, "file", { sizeBytes: bytes.length }));
  yield bytes;
  yield padding(bytes.length);
}

/** The header of an entry: one ustar block, led by a pax header when a field does not fit or would lose precision. */
export function encodeEntry(entry: TarEntry): Buffer {
  const records = paxRecords(entry);
  const block = headerBlock(entry, typeFlags[entry.type]);
  if (records.length === 0) return block;
  const body = encodePax(records);
  const pax = headerBlock({ ...bare, sizeBytes: body.length, modifiedNanos: 0n }, "x");
  return Buffer.concat([pax, body, padding(body.length), block]);
}

const bare = {
  name: Buffer.from("PaxHeaders/entry"),
  linkName: Buffer.alloc(0),
  mode: 0o644,
  uid: 0,
  gid: 0,
  deviceMajor: 0,
  deviceMinor: 0,
};

const octalLimit = { id: 0o7777777, size: 0o77777777777 };

function paxRecords(entry: TarEntry): Array<readonly [string, Uint8Array | string]> {
  const records: Array<readonly [string, Uint8Array | string]> = [];
  if (entry.name.length > 100) records.push(["path", entry.name]);
  if (entry.linkName.length > 100) records.push(["linkpath", entry.linkName]);
  if (entry.sizeBytes > octalLimit.size) records.push(["size", String(entry.sizeBytes)]);
  if (entry.uid > octalLimit.id) records.push(["uid", String(entry.uid)]);
  if (entry.gid > octalLimit.id) records.push(["gid", String(entry.gid)]);
  const seconds = wholeSeconds(entry.modifiedNanos);
  if (entry.modifiedNanos < 0n || seconds > octalLimit.size || entry.modifiedNanos % 1_000_000_000n !== 0n) {
    records.push(["mtime", formatPaxTime(entry.modifiedNanos)]);
  }
  for (const [name, value] of entry.xattrs) records.push([xattrPrefix + name, value]);
  return records;
}

function headerBlock(entry: Omit<TarEntry, "type" | "xattrs">, typeFlag: string): Buffer {
  const block = Buffer.alloc(blockBytes);
  block.set(entry.name.subarray(0, 100), 0);
  octal(block, 100, 8, entry.mode);
  octal(block, 108, 8, entry.uid > octalLimit.id ? 0 : entry.uid);
  octal(block, 116, 8, entry.gid > octalLimit.id ? 0 : entry.gid);
  octal(block, 124, 12, entry.sizeBytes > octalLimit.size ? 0 : entry.sizeBytes);
  octal(block, 136, 12, Math.min(Math.max(wholeSeconds(entry.modifiedNanos), 0), octalLimit.size));
  block.write(typeFlag, 156, "latin1");
  block.set(entry.linkName.subarray(0, 100), 157);
  block.write("ustar\x0000", 257, "latin1");
  octal(block, 329, 8, entry.deviceMajor);
  octal(block, 337, 8, entry.deviceMinor);
  block.fill(0x20, 148, 156);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

const wholeSeconds = (nanos: bigint): number => Number(nanos / 1_000_000_000n);

function octal(block: Buffer, offset: number, length: number, value: number): void {
  block.write(value.toString(8).padStart(length - 1, "0"), offset, length - 1, "latin1");
}
