import type { SoftwarePackage } from "./package.ts";
import { sqliteTable } from "./sqlite-table.ts";

/** Numbers of the fields that are read. */
const tags = { name: 1000, version: 1001, release: 1002, epoch: 1003, vendor: 1011, license: 1014, architecture: 1022 };

/** Kinds of fields: a number of four bytes, a text, a list of texts of which the first is meant. */
const kinds = { int32: 4, text: 6, texts: 9 };

/** The packages of rpm's database, each a header in a row of its own. */
export function rpmPackages(source: string, database: Buffer): SoftwarePackage[] {
  const packages: SoftwarePackage[] = [];
  for (const [, header] of sqliteTable(database, "Packages")) {
    if (!Buffer.isBuffer(header)) continue;
    const field = headerFields(header);
    const [name, version, release] = [field(tags.name), field(tags.version), field(tags.release)];
    // Keys that packages are signed with are kept as packages.
    if (!name || !version || name === "gpg-pubkey") continue;
    const epoch = field(tags.epoch);
    packages.push({
      ...{ type: "rpm", name, version: release ? `${version}-${release}` : version, source },
      ...{ architecture: field(tags.architecture), license: field(tags.license), maintainer: "" },
      ...(epoch && epoch !== "0" && { epoch }),
    });
  }
  return packages;
}

/** Two counts, an index of as many fields, and the bytes they point into. */
function headerFields(header: Buffer): (tag: number) => string {
  const entries = header.length < 8 ? 0 : header.readUInt32BE(0);
  const data = 8 + entries * 16;
  const found = new Map<number, string>();
  for (let at = 8; at + 16 <= Math.min(data, header.length); at += 16) {
    const [tag, kind, offset] = [header.readUInt32BE(at), header.readUInt32BE(at + 4), header.readUInt32BE(at + 8)];
    const start = data + offset;
    if (start >= header.length) continue;
    if (kind === kinds.int32 && start + 4 <= header.length) found.set(tag, String(header.readUInt32BE(start)));
    else if (kind === kinds.text || kind === kinds.texts) {
      const end = header.indexOf(0, start);
      if (end !== -1 && end - start < 4096) found.set(tag, header.toString("utf8", start, end));
    }
  }
  return (tag) => found.get(tag) ?? "";
}
