import { createHash } from "node:crypto";
import { join, posix } from "node:path";
import { invalid, isCode } from "../../base/error.ts";
import { hasGlob } from "../../base/glob.ts";
import { newId } from "../../base/id.ts";
import type { CopySelection } from "../../core/archive.ts";
import { type ContextManifest, cleanPath } from "../../core/build/context-manifest.ts";
import { withoutPassword } from "../../core/build/git-url.ts";
import type { InstructionOf } from "../../core/build/instruction.ts";
import { decompressed } from "../image/decompress.ts";
import { addedTree } from "./added-tree.ts";
import { cacheKey } from "./build.ts";
import { boundedBody, openUrl } from "./fetch-url.ts";
import { gitUrl } from "./git-tree.ts";
import { rootFile } from "./root-file.ts";
import { expanded, type StageState } from "./stage-state.ts";

/** A file that a step adds and that lies in no root. */
export interface AddedFile {
  readonly kind: "file";
  readonly name: string;
  /** Tells contents apart. */
  readonly digest: string;
  readonly mode: number;
  /** An archive whose content is wanted, not itself. */
  readonly unpacks: boolean;
  /** Nothing is fetched before. */
  open(): Promise<OpenFile>;
}

export interface OpenFile {
  readonly sizeBytes: number;
  readonly modifiedNanos: bigint;
  read(): AsyncIterable<Uint8Array>;
  release(): Promise<void>;
}

/** Files of a repository, without a place of their own before they are opened. */
export interface AddedTree {
  readonly kind: "tree";
  readonly digest: string;
  open(): Promise<OpenTree>;
}

export interface OpenTree {
  readonly root: { readonly path: string };
  readonly selection: Pick<CopySelection, "sources" | "excludes">;
  release(): Promise<void>;
}

export type Added = AddedFile | AddedTree;

type Instruction = InstructionOf<"copy"> | InstructionOf<"add">;

/** What an ADD names by URL, and the archives it is to unpack; `rest` are ordinary sources. */
export async function addedFiles(
  state: StageState,
  instruction: Instruction,
  sources: readonly string[],
): Promise<{ added: Added[]; rest: string[] }> {
  if (instruction.kind === "copy") return { added: [], rest: [...sources] };
  const added: Added[] = [];
  const rest: string[] = [];
  const checksum = instruction.checksum === undefined ? undefined : expanded(state, instruction.checksum);
  if (checksum !== undefined && sources.length > 1) throw invalid("checksum can't be specified for multiple sources");
  for (const source of sources) {
    const found = await addedSource(state, source, { checksum, instruction });
    if (found) added.push(found);
    else rest.push(source);
  }
  return { added, rest };
}

/** Undefined for an ordinary file or directory. */
async function addedSource(state: StageState, source: string, asked: Asked): Promise<Added | undefined> {
  const { checksum, instruction } = asked;
  const git = gitUrl(source);
  if (git) return await addedTree(state, git, { checksum, keepGitDir: instruction.keepGitDir });
  if (/^https?:\/\//i.test(source)) return await fromUrl(state, source, asked);
  if (checksum !== undefined)
    throw invalid("checksum can't be specified for local sources: URLs and repositories have one");
  return instruction.unpack === false ? undefined : await localArchive(state, source);
}

const digestPattern = /^(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/;

interface Asked {
  readonly checksum: string | undefined;
  readonly instruction: InstructionOf<"add">;
}

/** With a checksum, the file is not fetched while the cache has the step; without, it must be to know. */
async function fromUrl(state: StageState, url: string, { checksum, instruction }: Asked): Promise<AddedFile> {
  if (checksum !== undefined && !digestPattern.test(checksum)) throw invalid(`invalid checksum digest: ${checksum}`);
  const algorithm = checksum?.split(":")[0] ?? "sha256";
  const fetched = checksum === undefined ? await download(state, url, algorithm) : undefined;
  const [name, hex] = (checksum ?? fetched!.digest).split(":") as [string, string];
  const uri = withoutPassword(url);
  state.build.materials.set(uri, { uri, digest: { [name]: hex } });
  return {
    kind: "file",
    name: posix.basename(new URL(url).pathname) || "download",
    digest: checksum ?? fetched!.digest,
    mode: 0o600,
    unpacks: instruction.unpack === true,
    async open() {
      if (fetched) return fetched;
      const file = await download(state, url, algorithm);
      if (file.digest === checksum) return file;
      await file.release();
      throw invalid(
        `digest mismatch of ${withoutPassword(url)}: it has ${file.digest}, the Dockerfile wants ${checksum}`,
      );
    },
  };
}

/** Lies on the disk until the build is over, or it is released. */
async function download({ build }: StageState, url: string, algorithm: string): Promise<OpenFile & { digest: string }> {
  const { deps, signal } = build;
  const path = join(deps.settings.paths.builds, `download-${newId()}`);
  const response = await openUrl(url, signal);
  const release = (): Promise<void> => deps.machine.removeTree(path);
  build.atEnd(release);
  const hash = createHash(algorithm);
  let sizeBytes = 0;
  for await (const chunk of deps.machine.saveWhileRead(
    path,
    boundedBody(url, response, deps.settings.buildDownloadBytes),
  )) {
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  const modified = Date.parse(response.headers.get("last-modified") ?? "");
  return {
    digest: `${algorithm}:${hash.digest("hex")}`,
    sizeBytes,
    modifiedNanos: Number.isNaN(modified) ? 0n : BigInt(modified) * 1_000_000n,
    read: () => deps.machine.openFile(path),
    release,
  };
}

/** A local tar archive, plain or compressed, is unpacked into the target. */
async function localArchive({ build: { deps, request } }: StageState, source: string): Promise<AddedFile | undefined> {
  const { context } = request;
  if (context === undefined || !mayBeArchive(context.manifest, source)) return undefined;
  const file = await rootFile(deps.archive, { path: await context.path() }, `/${cleanPath(source)}`);
  if (file === undefined || !(await isArchive(deps, file.read()))) return undefined;
  const entry = context.manifest.files.get(cleanPath(source));
  return {
    kind: "file",
    name: posix.basename(source),
    digest: entry?.type === "file" ? entry.digest : await digestOf(file.read()),
    mode: 0o644,
    unpacks: true,
    open: async () => ({ ...file, modifiedNanos: 0n, release: async () => {} }),
  };
}

async function digestOf(content: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of content) hash.update(chunk);
  return hash.digest("hex");
}

/** By the first header, which is looked at through the compression. */
async function isArchive(
  deps: Parameters<typeof decompressed>[0],
  content: AsyncIterable<Uint8Array>,
): Promise<boolean> {
  let head = Buffer.alloc(0);
  try {
    for await (const chunk of decompressed(deps, content)) {
      head = Buffer.concat([head, chunk.subarray(0, 512)]);
      if (head.length >= 262) break;
    }
  } catch (error) {
    if (!isCode(error, "invalid")) throw error;
  }
  return head.subarray(257, 262).toString() === "ustar";
}

/** Directories, patterns and what is not there are no archives; a link may lead to one. */
function mayBeArchive({ files }: ContextManifest, source: string): boolean {
  if (hasGlob(source)) return false;
  const type = files.get(cleanPath(source))?.type;
  return type === "file" || type === "symlink" || type === "hardLink";
}

/** What of an added file decides on the result. */
export const keyOfAdded = (added: Added): unknown =>
  added.kind === "tree" ? added.digest : [added.name, added.digest, added.unpacks];

/** A document of the Dockerfile as a file. */
export function documentFile(name: string, text: string): AddedFile {
  const bytes = Buffer.from(text);
  const content = { sizeBytes: bytes.length, modifiedNanos: 0n, read: () => one(bytes), release: async () => {} };
  return { kind: "file", name, digest: cacheKey(text), mode: 0o644, unpacks: false, open: async () => content };
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield bytes;
}
