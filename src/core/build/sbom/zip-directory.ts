/** A file in a zip archive; its bytes lie as they are, or deflated. */
export interface ZipEntry {
  readonly name: string;
  readonly isDeflated: boolean;
  readonly sizeBytes: number;
  readonly bytes: Buffer;
}

const end = 0x06054b50;
const entry = 0x02014b50;
const maxEntries = 100_000;

/** Lists an archive that lies in memory, by the directory at its end. Nothing is inflated; what is broken is left out. */
export function* zipEntries(archive: Buffer): Generator<ZipEntry> {
  const last = endOf(archive);
  if (last === -1) return;
  let at = archive.readUInt32LE(last + 16);
  for (let count = 0; count < maxEntries && at + 46 <= archive.length; count += 1) {
    if (archive.readUInt32LE(at) !== entry) return;
    const [method, packed, size] = [
      archive.readUInt16LE(at + 10),
      archive.readUInt32LE(at + 20),
      archive.readUInt32LE(at + 24),
    ];
    const [name, extra, comment] = [28, 30, 32].map((field) => archive.readUInt16LE(at + field)) as [
      number,
      number,
      number,
    ];
    const bytes = bytesAt(archive, archive.readUInt32LE(at + 42), packed);
    if (bytes && (method === 0 || method === 8)) {
      yield {
        name: archive.toString("utf8", at + 46, at + 46 + name),
        isDeflated: method === 8,
        sizeBytes: size,
        bytes,
      };
    }
    at += 46 + name + extra + comment;
  }
}

/** The record is the last thing in the file, but for a comment. */
function endOf(archive: Buffer): number {
  for (let at = archive.length - 22; at >= Math.max(0, archive.length - 22 - 0xffff); at -= 1) {
    if (archive.readUInt32LE(at) === end) return at;
  }
  return -1;
}

function bytesAt(archive: Buffer, header: number, length: number): Buffer | undefined {
  if (header + 30 > archive.length) return undefined;
  const start = header + 30 + archive.readUInt16LE(header + 26) + archive.readUInt16LE(header + 28);
  return start + length <= archive.length ? archive.subarray(start, start + length) : undefined;
}
