import { isCode } from "../../base/error.ts";
import { newId } from "../../base/id.ts";
import type { BuildDeps } from "../../engine/build/deps.ts";
import type { ClientCache } from "../../engine/build/request.ts";
import type { ArchiveBlob } from "../../engine/image/image-archive.ts";
import { codec } from "./messages.ts";
import type { ClientSession } from "./sessions.ts";

const codecs = {
  read: codec<{ digest: string }>("ReadContentRequest"),
  part: codec<{ offset: number; data: Uint8Array }>("ReadContentResponse"),
  info: codec<{ digest: string }>("InfoRequest"),
  write: codec<WriteContent>("WriteContentRequest"),
};

interface WriteContent {
  readonly action: number;
  readonly ref: string;
  readonly total: number;
  readonly expected: string;
  readonly offset: number;
  readonly data: Uint8Array;
}

const actions = { write: 1, commit: 2 } as const;
const maxChunkBytes = 1 << 20;

/** Caches in directories of a client of BuildKit's, which serves each as a store of blobs and keeps its index itself. */
export function sessionCache(deps: BuildDeps, session: ClientSession): ClientCache {
  return {
    open: (name, digest) => readBlob(session, `local:${name}`, digest),
    write: (name, { blobs }) => storeBlobs(deps, { session, store: `local:${name}` }, blobs),
  };
}

/** A blob of one of the client's stores. */
export async function* readBlob(
  session: ClientSession,
  store: string,
  digest: string,
): AsyncGenerator<Uint8Array, void> {
  const call = session.openContent("Read", store);
  await call.send(codecs.read.encode({ digest }));
  call.end();
  for await (const message of call.messages) yield Uint8Array.from(codecs.part.decode(message).data);
}

interface Store {
  readonly session: ClientSession;
  /** The client's name of it. */
  readonly store: string;
}

/** Brings blobs into a store of the client's that does not have them. */
export async function storeBlobs(deps: BuildDeps, to: Store, blobs: readonly ArchiveBlob[]): Promise<void> {
  for (const blob of blobs) if (!(await isThere(to, blob))) await writeBlob(deps, to, blob);
}

async function isThere({ session, store }: Store, { digest }: ArchiveBlob): Promise<boolean> {
  const call = session.openContent("Info", store);
  await call.send(codecs.info.encode({ digest }));
  call.end();
  try {
    for await (const _ of call.messages);
    return true;
  } catch (error) {
    if (isCode(error, "notFound")) return false;
    throw error;
  }
}

async function writeBlob(
  { content }: BuildDeps,
  { session, store }: Store,
  { digest, bytes }: ArchiveBlob,
): Promise<void> {
  const total = bytes?.length ?? content.size(digest) ?? 0;
  const call = session.openContent("Write", store);
  // The client answers each message; the answers say nothing that an error would not.
  const answered = (async () => {
    for await (const _ of call.messages);
  })();
  answered.catch(() => {});
  const common = { ref: `isle-${newId()}`, total, expected: digest };
  let offset = 0;
  for await (const chunk of (bytes ? [bytes] : content.open(digest)) as AsyncIterable<Uint8Array>) {
    for (let at = 0; at < chunk.length; at += maxChunkBytes) {
      const data = chunk.subarray(at, at + maxChunkBytes);
      await call.send(codecs.write.encode({ ...common, action: actions.write, offset, data }));
      offset += data.length;
    }
  }
  await call.send(codecs.write.encode({ ...common, action: actions.commit, offset }));
  call.end();
  await answered;
}
