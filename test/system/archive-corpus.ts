import { gzipSync } from "node:zlib";
import { encodeEntry, endOfArchive, padding } from "../../src/base/tar/encode.ts";
import { type TarEntry, type TarEntryType, tarEntry } from "../../src/base/tar/entry.ts";
import { encodePax } from "../../src/base/tar/pax.ts";

export interface CorpusEntry extends Partial<Omit<TarEntry, "name">> {
  readonly name: string | Uint8Array;
  readonly type?: TarEntryType;
  readonly body?: string | Uint8Array;
}

/** A tar archive of these entries, with its end marker. */
export function archiveOf(...entries: CorpusEntry[]): Buffer {
  return Buffer.concat([...entries.map(encodeWithBody), endOfArchive()]);
}

function encodeWithBody({ name, type = "file", body = "", ...rest }: CorpusEntry): Buffer {
  const bytes = Buffer.from(body as string);
  const sizeBytes = type === "file" ? bytes.length : 0;
  return Buffer.concat([encodeEntry(tarEntry(name, type, { sizeBytes, ...rest })), bytes, padding(bytes.length)]);
}

export const link = (name: string, to: string, type: "hardLink" | "symlink" = "symlink"): CorpusEntry => ({
  name,
  type,
  linkName: Buffer.from(to),
});

/** The entry's header with a field replaced and its checksum made right again. */
export function forged(entry: Buffer, offset: number, bytes: string | Uint8Array): Buffer {
  const copy = Buffer.from(entry);
  copy.set(Buffer.from(bytes as string), offset);
  copy.fill(0x20, 148, 156);
  let sum = 0;
  for (const byte of copy.subarray(0, 512)) sum += byte;
  copy.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return copy;
}

const plain = (name: string, body: string): Buffer => encodeWithBody({ name, body });

/** A pax header with these records, to stand before an entry. */
export function paxHeader(...records: Array<[string, string | Uint8Array]>): Buffer {
  const body = encodePax(records);
  const header = forged(encodeEntry(tarEntry("pax", "file", { sizeBytes: body.length })), 156, "x");
  return Buffer.concat([header, body, padding(body.length)]);
}

/** Archives that must be refused with `invalid`, leaving nothing behind. */
export const hostileArchives: Readonly<Record<string, () => Buffer>> = {
  "a name that climbs out": () => archiveOf({ name: "../evil", body: "x" }),
  "a name that climbs out half-way": () => archiveOf({ name: "a/../../evil", body: "x" }),
  "a hard link to what is above": () => archiveOf(link("a", "../../../etc/passwd", "hardLink")),
  "a hard link to what is not there": () => archiveOf(link("a", "missing", "hardLink")),
  "a hard link through a link to the machine's files": () =>
    archiveOf(link("etc", "/etc"), link("a", "etc/passwd", "hardLink")),
  "a file in place of the root": () => archiveOf({ name: "./", type: "symlink", linkName: Buffer.from("/etc") }),
  "a whiteout of nothing": () => archiveOf({ name: "a/.wh." }),
  "a whiteout of the parent": () => archiveOf({ name: "a/.wh..." }),
  "a component longer than any file system allows": () => archiveOf({ name: `${"n".repeat(300)}`, body: "x" }),
  "a path longer than the kernel allows": () => archiveOf({ name: "d/".repeat(3000), type: "directory" }),
  "a parent that is a file": () => archiveOf({ name: "a", body: "x" }, { name: "a/b", body: "x" }),
  "a link that leads to itself as a parent": () => archiveOf(link("a", "a"), { name: "a/b", body: "x" }),
  "an archive that stops in a body": () => plain("a", "x".repeat(5000)).subarray(0, 2000),
  "an archive that stops in a header": () => plain("a", "").subarray(0, 300),
  "a size that is never delivered": () => forged(plain("a", ""), 124, "77777777777"),
  "a negative size": () => forged(plain("a", ""), 124, Buffer.from("ff".repeat(12), "hex")),
  "a wrong checksum": () => {
    const archive = archiveOf({ name: "a", body: "x" });
    archive[0] = 0x62;
    return archive;
  },
  "bytes that are no archive": () => Buffer.alloc(4096, "not a tar "),
  "a pax header of a gigabyte": () => forged(forged(plain("pax", ""), 124, "10000000000\0"), 156, "x"),
  "a pax record that is longer than its header": () => {
    const body = Buffer.from("99 path=x\n");
    return Buffer.concat([forged(plain("pax", ""), 124, "00000000012\0"), body]).fill("x", 156, 157);
  },
  "a pax path with a NUL byte": () => Buffer.concat([paxHeader(["path", "a\0b"]), archiveOf({ name: "a" })]),
  "a pax size that is no number": () => Buffer.concat([paxHeader(["size", "-1"]), archiveOf({ name: "a" })]),
  "a sparse map that overlaps": () =>
    Buffer.concat([
      paxHeader(["GNU.sparse.size", "100"], ["GNU.sparse.map", "0,6,3,6"]),
      archiveOf({ name: "a", body: "x".repeat(12) }),
    ]),
  "a sparse map beyond the file": () =>
    Buffer.concat([
      paxHeader(["GNU.sparse.size", "4"], ["GNU.sparse.map", "0,6"]),
      archiveOf({ name: "a", body: "xxxxxx" }),
    ]),
  "an entry of an unknown type": () => Buffer.concat([forged(plain("a", ""), 156, "Q"), endOfArchive()]),
  "data after the end marker's first half": () => Buffer.concat([Buffer.alloc(512), plain("a", "")]),
  "gzip that is cut off": () => gzipSync(archiveOf({ name: "a", body: "x".repeat(9999) })).subarray(0, 40),
};
