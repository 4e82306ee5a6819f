import { createHash } from "node:crypto";
import { posix } from "node:path";
import { Readable } from "node:stream";
import { sniffCompression } from "../../base/compression.ts";
import { IsleError, invalid, isCode, messageOf, unsupported } from "../../base/error.ts";
import { hasGlob } from "../../base/glob.ts";
import { type ContextManifest, cleanPath } from "../../core/build/context-manifest.ts";
import type { InstructionOf } from "../../core/build/instruction.ts";
import { decompressed } from "../image/decompress.ts";
import { expanded, type StageState } from "./stage-state.ts";

/** A file that a step adds and that lies in no root. */
export interface AddedFile {
  readonly name: string;
  /** Tells contents apart. */
  readonly digest: string;
  readonly bytes: () => Promise<Uint8Array>;
  readonly mode: number;
  readonly modifiedNanos: bigint;
  /** An archive whose content is wanted, not itself. */
  readonly unpacks: boolean;
}

/** Larger archives are unpacked by a RUN. */
const maxBytes = 512 << 20;

/** Fetches what an ADD names by URL, and opens the archives it is to unpack; `rest` are ordinary sources. */
export async function addedFiles(
  state: StageState,
  instruction: InstructionOf<"copy"> | InstructionOf<"add">,
  sources: readonly string[],
): Promise<{ files: AddedFile[]; rest: string[] }> {
  if (instruction.kind === "copy") return { files: [], rest: [...sources] };
  const files: AddedFile[] = [];
  const rest: string[] = [];
  for (const source of sources) {
    if (isGit(source))
      throw unsupported(`ADD of a git repository: ${source}`, { hint: "clone it in a RUN, or in the build's context" });
    if (/^https?:\/\//.test(source)) files.push(await fetched(state, instruction, source));
    else {
      const archive = instruction.unpack === false ? undefined : await localArchive(state, source);
      if (archive) files.push(archive);
      else rest.push(source);
    }
  }
  return { files, rest };
}

const isGit = (source: string): boolean =>
  /^(git@|git:\/\/|ssh:\/\/)/.test(source) || /^https?:\/\/[^?#]*\.git([?#]|$)/.test(source);

async function fetched(state: StageState, instruction: InstructionOf<"add">, url: string): Promise<AddedFile> {
  const response = await fetch(url, { signal: state.build.signal }).catch((cause: unknown) => {
    throw new IsleError("unavailable", `cannot fetch ${url}: ${messageOf(cause)}`, { cause });
  });
  if (!response.ok) throw invalid(`cannot fetch ${url}: the server answered ${response.status}`);
  const bytes = Buffer.from(await response.arrayBuffer());
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const wanted = instruction.checksum === undefined ? digest : expanded(state, instruction.checksum);
  if (wanted !== digest) throw invalid(`digest mismatch of ${url}: it has ${digest}, the Dockerfile wants ${wanted}`);
  const modified = Date.parse(response.headers.get("last-modified") ?? "");
  return {
    name: posix.basename(new URL(url).pathname) || "download",
    digest,
    bytes: async () => bytes,
    mode: 0o600,
    modifiedNanos: Number.isNaN(modified) ? 0n : BigInt(modified) * 1_000_000n,
    unpacks: instruction.unpack === true,
  };
}

/** A local tar archive, plain or compressed, is unpacked into the target. */
async function localArchive({ build: { deps, request } }: StageState, source: string): Promise<AddedFile | undefined> {
  if (request.context === undefined || !mayBeArchive(request.context.manifest, source)) return undefined;
  const bytes = await deps.archive.readFile({ path: await request.context.path() }, `/${source}`, maxBytes);
  if (bytes === undefined || !(await isArchive(bytes))) return undefined;
  return {
    name: posix.basename(source),
    digest: createHash("sha256").update(bytes).digest("hex"),
    bytes: async () => bytes,
    mode: 0o644,
    modifiedNanos: 0n,
    unpacks: true,
  };
}

/** By the first header, which is looked at through the compression. */
async function isArchive(bytes: Uint8Array): Promise<boolean> {
  const compression = sniffCompression(bytes.subarray(0, 6));
  if (compression === "xz" || compression === "bzip2") {
    throw unsupported(`the archive is compressed with ${compression}`, { hint: "use gzip, zstd or plain tar" });
  }
  try {
    for await (const chunk of decompressed(Readable.from([bytes], { objectMode: false }))) {
      return Buffer.from(chunk.subarray(257, 262)).toString() === "ustar";
    }
  } catch (error) {
    if (!isCode(error, "invalid")) throw error;
  }
  return false;
}

/** Directories, patterns and what is not there are no archives; a link may lead to one. */
function mayBeArchive({ files }: ContextManifest, source: string): boolean {
  if (hasGlob(source)) return false;
  const type = files.get(cleanPath(source))?.type;
  return type === "file" || type === "symlink" || type === "hardLink";
}
