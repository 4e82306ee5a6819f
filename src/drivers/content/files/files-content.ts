import { createHash, type Hash } from "node:crypto";
import { createReadStream, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { type FileHandle, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, hexOf, isDigest } from "../../../base/digest.ts";
import { IsleError, isErrno, notFound } from "../../../base/error.ts";
import type { Blob, ContentStore, ExpectedBlob } from "../../../core/content.ts";

/** Blobs as files `blobs/sha256/HEX` of one directory; half-made ones are in `ingest/`. */
export function createFilesContent(directory: string): ContentStore & { sweep(): void } {
  const blobs = join(directory, "blobs", "sha256");
  const ingests = join(directory, "ingest");
  mkdirSync(blobs, { recursive: true, mode: 0o700 });
  mkdirSync(ingests, { recursive: true, mode: 0o700 });
  const fileOf = (digest: Digest): string => join(blobs, hexOf(digest));
  const sizeOf = (digest: Digest): number | undefined => statSync(fileOf(digest), { throwIfNoEntry: false })?.size;
  const pathOf = (digest: Digest): string => {
    if (sizeOf(digest) === undefined) throw notFound(`no blob ${digest}`);
    return fileOf(digest);
  };
  return {
    size: sizeOf,
    path: pathOf,
    open: (digest) => createReadStream(pathOf(digest), { highWaterMark: 1 << 20 }),
    read: (digest) => readVerified(fileOf(digest), digest),
    ingest: (source, expected = {}) => ingest({ ingests, fileOf }, source, expected),
    remove: (digest) => rmSync(fileOf(digest), { force: true }),
    list: () => listBlobs(blobs),
    /** Removes what an earlier process left half-made. */
    sweep: () => {
      for (const name of readdirSync(ingests)) rmSync(join(ingests, name), { force: true });
    },
  };
}

async function readVerified(file: string, digest: Digest): Promise<Uint8Array> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    if (isErrno(cause, "ENOENT")) throw notFound(`no blob ${digest}`);
    throw cause;
  });
  const found = createHash("sha256").update(bytes).digest("hex");
  if (found === hexOf(digest)) return bytes;
  throw new IsleError("dataLoss", `blob ${digest} changed on disk`, { hint: "remove the image and get it again" });
}

interface Places {
  readonly ingests: string;
  readonly fileOf: (digest: Digest) => string;
}

async function ingest(
  { ingests, fileOf }: Places,
  source: AsyncIterable<Uint8Array>,
  expected: ExpectedBlob,
): Promise<Blob> {
  const temporary = join(ingests, crypto.randomUUID());
  try {
    const blob = await writeHashed(temporary, source, expected);
    renameSync(temporary, fileOf(blob.digest));
    return blob;
  } catch (error) {
    rmSync(temporary, { force: true });
    if (isErrno(error, "ENOSPC", "EDQUOT")) {
      throw new IsleError("noSpace", "no space left to store the image", { cause: error });
    }
    throw error;
  }
}

/** Small chunks are gathered, so that each write is worth its system call. */
const writeBytes = 1 << 20;

async function writeHashed(path: string, source: AsyncIterable<Uint8Array>, expected: ExpectedBlob): Promise<Blob> {
  const file = await open(path, "wx", 0o600);
  try {
    const hash = createHash("sha256");
    const sizeBytes = await copyHashed({ file, hash, limit: expected.sizeBytes }, source);
    const digest: Digest = `sha256:${hash.digest("hex")}`;
    checkExpected({ digest, sizeBytes }, expected);
    return { digest, sizeBytes };
  } finally {
    await file.close();
  }
}

async function copyHashed(
  { file, hash, limit = Number.POSITIVE_INFINITY }: { file: FileHandle; hash: Hash; limit?: number | undefined },
  source: AsyncIterable<Uint8Array>,
): Promise<number> {
  let sizeBytes = 0;
  let gathered: Uint8Array[] = [];
  let gatheredBytes = 0;
  let writing: Promise<unknown> = Promise.resolve();
  const flush = async (): Promise<void> => {
    const chunk = gathered.length === 1 ? gathered[0]! : Buffer.concat(gathered, gatheredBytes);
    gathered = [];
    gatheredBytes = 0;
    await writing;
    // The write runs while the next chunk is hashed; one is under way at a time.
    writing = writeAll(file, chunk);
    writing.catch(() => {});
    hash.update(chunk);
  };
  try {
    for await (const chunk of source) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > limit) throw sizeError(sizeBytes, limit);
      gathered.push(chunk);
      gatheredBytes += chunk.byteLength;
      if (gatheredBytes >= writeBytes) await flush();
    }
    if (gatheredBytes > 0) await flush();
  } finally {
    await writing;
  }
  return sizeBytes;
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += (await file.write(bytes, done)).bytesWritten;
}

function checkExpected(blob: Blob, expected: ExpectedBlob): void {
  if (expected.sizeBytes !== undefined && blob.sizeBytes !== expected.sizeBytes) {
    throw sizeError(blob.sizeBytes, expected.sizeBytes);
  }
  if (expected.digest !== undefined && blob.digest !== expected.digest) {
    throw new IsleError("dataLoss", `blob has digest ${blob.digest}, expected ${expected.digest}`);
  }
}

const sizeError = (found: number, expected: number) =>
  new IsleError("dataLoss", `blob has at least ${found} bytes, expected ${expected}`);

function* listBlobs(blobs: string): Generator<Blob> {
  for (const name of readdirSync(blobs)) {
    const digest = `sha256:${name}`;
    const stat = statSync(join(blobs, name), { throwIfNoEntry: false });
    if (isDigest(digest) && stat) yield { digest, sizeBytes: stat.size };
  }
}
