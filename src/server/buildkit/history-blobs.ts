import { type Digest, isDigest } from "../../base/digest.ts";
import { notFound, unsupported } from "../../base/error.ts";
import type { BuildDeps } from "../../engine/build/deps.ts";
import { digestOfBytes } from "../../engine/image/image-archive.ts";
import { type Call, type Methods, onlyMessage } from "../grpc/grpc-server.ts";
import { codec } from "./messages.ts";

export interface BlobDescriptor {
  readonly media_type: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

const maxBlobs = 256;
const maxBytes = 32 << 20;

/** Documents that are made of the history when a client asks for a record, and that it reads right after. */
export class HistoryBlobs {
  /** The one asked for longest ago first. */
  readonly #made = new Map<string, Uint8Array>();
  #bytes = 0;

  add(mediaType: string, bytes: Uint8Array): BlobDescriptor {
    const digest = digestOfBytes(bytes);
    if (this.#made.delete(digest)) this.#bytes -= bytes.length;
    this.#made.set(digest, bytes);
    this.#bytes += bytes.length;
    for (const [oldest, { length }] of this.#made) {
      if (oldest === digest || (this.#made.size <= maxBlobs && this.#bytes <= maxBytes)) break;
      this.#made.delete(oldest);
      this.#bytes -= length;
    }
    return { media_type: mediaType, digest, size: bytes.length };
  }

  get(digest: string): Uint8Array | undefined {
    return this.#made.get(digest);
  }
}

interface ContentParts {
  readonly deps: BuildDeps;
  readonly blobs: HistoryBlobs;
}

const codecs = {
  info: codec<{ digest: string }>("InfoRequest"),
  told: codec<object>("BlobInfoResponse"),
  read: codec<{ digest: string; offset: number; size: number }>("ReadContentRequest"),
  part: codec<{ offset: number; data: Uint8Array }>("ReadContentResponse"),
};

const maxChunkBytes = 1 << 20;

/** The part of containerd's content store that clients read the documents of records with. */
export function contentMethods(parts: ContentParts): Methods {
  const content = (name: string): string => `/containerd.services.content.v1.Content/${name}`;
  const others = ["Update", "List", "Delete", "Status", "ListStatuses", "Write", "Abort"];
  return {
    [content("Info")]: (call) => tellBlob(parts, call),
    [content("Read")]: (call) => readBlob(parts, call),
    ...Object.fromEntries(
      others.map((name) => [
        content(name),
        async (): Promise<void> => {
          throw unsupported(`${name} of the content store`, { hint: "clients read documents of the history from it" });
        },
      ]),
    ),
  };
}

/** A document of the history, or a blob of the engine's images. */
function find({ deps, blobs }: ContentParts, digest: string): { size: number; read(): AsyncIterable<Uint8Array> } {
  const text = deps.journal.attachment(digest);
  const bytes = blobs.get(digest) ?? (text === undefined ? undefined : Buffer.from(text));
  if (bytes) {
    return {
      size: bytes.length,
      async *read() {
        yield bytes;
      },
    };
  }
  const size = isDigest(digest) ? deps.content.size(digest) : undefined;
  if (size === undefined) throw notFound(`content ${digest}: not found`);
  if (size > maxBytes) throw unsupported(`reading ${digest}, which is no document`, { hint: "save or push the image" });
  return { size, read: () => deps.content.open(digest as Digest) as AsyncIterable<Uint8Array> };
}

async function tellBlob(parts: ContentParts, call: Call): Promise<void> {
  const { digest } = codecs.info.decode(await onlyMessage(call));
  call.send(codecs.told.encode({ info: { digest, size: find(parts, digest).size } }));
}

async function readBlob(parts: ContentParts, call: Call): Promise<void> {
  const { digest, offset, size } = codecs.read.decode(await onlyMessage(call));
  const found = find(parts, digest);
  const end = size > 0 ? Math.min(found.size, offset + size) : found.size;
  let at = 0;
  for await (const chunk of found.read()) {
    for (let from = Math.max(0, offset - at); from < chunk.length && at + from < end; from += maxChunkBytes) {
      const data = chunk.subarray(from, Math.min(from + maxChunkBytes, end - at));
      call.send(codecs.part.encode({ offset: at + from, data }));
    }
    at += chunk.length;
    if (at >= end || call.signal.aborted) return;
  }
}
