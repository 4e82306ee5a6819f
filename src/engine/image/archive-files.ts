import type { Digest } from "../../base/digest.ts";
import { invalid } from "../../base/error.ts";
import { cleanName } from "../../base/tar/name.ts";
import { readTar, type TarItem } from "../../base/tar/read-tar.ts";
import type { Blob, ContentStore } from "../../core/content.ts";

/** The files of an image archive: small documents in memory, everything else as stored blobs, by clean path. */
export interface ArchiveFiles {
  readonly documents: ReadonlyMap<string, Uint8Array>;
  readonly blobs: ReadonlyMap<string, Blob>;
}

const documentNames = new Set(["manifest.json", "index.json", "oci-layout", "repositories"]);
const documentLimitBytes = 8 << 20;

/** Reads an image archive as it arrives; each blob goes straight into the store, hashed on the way. */
export async function readArchiveFiles(
  content: ContentStore,
  archive: AsyncIterable<Uint8Array>,
): Promise<ArchiveFiles> {
  const documents = new Map<string, Uint8Array>();
  const blobs = new Map<string, Blob>();
  const links = new Map<string, string>();
  for await (const item of readTar(archive)) {
    const path = cleanName(item.entry.name).toString("utf8");
    const { type } = item.entry;
    if (type === "symlink" || type === "hardLink") links.set(path, linkTarget(path, item));
    else if (type === "file" && documentNames.has(path)) documents.set(path, await readDocument(path, item));
    else if (type === "file") blobs.set(path, await content.ingest(item.body, expectedOf(path, item)));
  }
  for (const [path, target] of links) {
    const blob = blobs.get(target);
    if (blob) blobs.set(path, blob);
  }
  return { documents, blobs };
}

/** Archives of old name the blob of a repeated layer by a link to its first place. */
function linkTarget(path: string, { entry }: TarItem): string {
  const target = Buffer.from(entry.linkName).toString("utf8");
  const from = entry.type === "symlink" ? path.split("/").slice(0, -1).join("/") : "";
  return cleanName(Buffer.from(`${from}/${target}`)).toString("utf8");
}

function expectedOf(path: string, { entry }: TarItem): { sizeBytes: number; digest?: Digest } {
  const hex = /^blobs\/sha256\/([a-f0-9]{64})$/.exec(path)?.[1];
  return { sizeBytes: entry.sizeBytes, ...(hex && { digest: `sha256:${hex}` as const }) };
}

async function readDocument(path: string, { entry, body }: TarItem): Promise<Uint8Array> {
  if (entry.sizeBytes > documentLimitBytes) throw invalid(`${path} in the archive has ${entry.sizeBytes} bytes`);
  const parts: Uint8Array[] = [];
  // The parts are views of the stream's chunks.
  for await (const part of body) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}
