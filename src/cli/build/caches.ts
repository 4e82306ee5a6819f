import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { csvFields } from "../create/mounts.ts";
import { usageError } from "../exit.ts";

/** A cache in BuildKit's words, as it goes to the engine. */
export interface CacheWords {
  readonly Type: string;
  readonly Attrs: Readonly<Record<string, string>>;
}

const latest = "latest";
const tagAnnotation = "org.opencontainers.image.ref.name";

/** Caches to take steps from; a word alone is the name of an image. */
export function readCacheSources(texts: readonly string[]): CacheWords[] {
  return texts.map((text) => {
    const words = readWords(text);
    if (words.Type !== "local") return words;
    const { src = "", tag = latest, digest } = words.Attrs;
    if (src === "") throw usageError("local cache importer requires src");
    return { Type: "local", Attrs: { src, digest: digest ?? taggedManifest(src, tag) } };
  });
}

export function readCacheTargets(texts: readonly string[]): CacheWords[] {
  const targets = texts.map(readWords);
  for (const { Type, Attrs } of targets) {
    const { dest } = Attrs;
    if (Type === "local" && !dest) throw usageError("local cache exporter requires dest");
    if (Type === "local" && existsSync(dest!) && !statSync(dest!).isDirectory()) {
      throw usageError(`destination directory ${dest} is a file`);
    }
  }
  return targets;
}

function readWords(text: string): CacheWords {
  if (!text.includes("=")) return { Type: "registry", Attrs: { ref: text } };
  const fields = csvFields(text).map((field): [string, string] => {
    const at = field.indexOf("=");
    if (at === -1) throw usageError(`invalid value ${field} in the cache ${text}: want name=value`);
    return [field.slice(0, at).trim().toLowerCase(), field.slice(at + 1)];
  });
  const { type, ...Attrs } = Object.fromEntries(fields);
  if (!type) throw usageError(`type required for the cache ${text}`);
  return { Type: type, Attrs };
}

interface LayoutIndex {
  readonly manifests?: ReadonlyArray<{ readonly digest: string; readonly annotations?: Record<string, string> }>;
}

/** The manifest that a directory's index has under a tag; empty when there is none, which costs only the cache. */
function taggedManifest(directory: string, tag: string): string {
  const { manifests = [] } = readIndex(directory);
  return manifests.find(({ annotations }) => annotations?.[tagAnnotation] === tag)?.digest ?? "";
}

/** The image that a directory's index has under a tag, the only one where it has none; empty when there is none. */
export function layoutDigest(directory: string, tag: string): string {
  const { manifests = [] } = readIndex(directory);
  const named = manifests.find(({ annotations }) => {
    const name = annotations?.[tagAnnotation] ?? annotations?.["io.containerd.image.name"] ?? "";
    return name === tag || name.endsWith(`:${tag}`);
  });
  return (named ?? (manifests.length === 1 ? manifests[0] : undefined))?.digest ?? "";
}

export function readIndex(directory: string): LayoutIndex {
  try {
    return JSON.parse(readFileSync(join(directory, "index.json"), "utf8")) as LayoutIndex;
  } catch {
    return {};
  }
}

/** A blob of a cache's directory. Fails when it is not there. */
export function cacheBlob(directory: string, digest: string): { sizeBytes: number; chunks: AsyncIterable<Uint8Array> } {
  const hex = /^sha256:([a-f0-9]{64})$/.exec(digest)?.[1];
  if (hex === undefined) throw new Error(`invalid digest ${digest}`);
  const path = join(directory, "blobs", "sha256", hex);
  return { sizeBytes: statSync(path).size, chunks: createReadStream(path, { highWaterMark: 512 * 1024 }) };
}

type Entry = NonNullable<LayoutIndex["manifests"]>[number];

/** The index with the entries that were there under other names. */
export function mergedIndex(before: LayoutIndex, now: LayoutIndex): LayoutIndex {
  const nameOf = ({ annotations }: Entry) => annotations?.["io.containerd.image.name"] ?? annotations?.[tagAnnotation];
  const names = new Set((now.manifests ?? []).map(nameOf));
  const kept = (before.manifests ?? []).filter((entry) => !names.has(nameOf(entry)));
  return { ...now, manifests: [...kept, ...(now.manifests ?? [])] };
}
