import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileAlone, streamedContext } from "../../base/context-input.ts";
import { isCode } from "../../base/error.ts";
import { framedStreams } from "../../base/framed-streams.ts";
import { gathered } from "../../base/gather.ts";
import { type BuildLine, buildImage, keptContext } from "../../client/build.ts";
import type { Client } from "../../client/client.ts";
import type { QueryValues } from "../../client/query-string.ts";
import { Exit, usageError } from "../exit.ts";
import { inputChunks } from "../file-stream.ts";
import type { Input } from "../io.ts";
import { type DirectoryContext, directoryContext, namedDirectory } from "./build-context.ts";
import { layoutDigest } from "./caches.ts";

/** The files of a build, and where others are that the engine fetches itself. */
export interface BuildSources {
  readonly query: QueryValues;
  /** Standard input, when it holds the build's files. */
  readonly stream: AsyncIterable<Uint8Array> | undefined;
  /** Directories by their name; that of the build itself is empty. */
  readonly directories: ReadonlyMap<string, DirectoryContext>;
  /** Named contexts that the engine fetches. */
  readonly elsewhere: Readonly<Record<string, string>>;
  /** Directories of images that the engine may ask for blobs of. */
  readonly layouts: readonly string[];
}

interface Asked {
  /** PATH, URL or `-`. */
  readonly path: string;
  readonly file: string;
  /** `name=directory-or-URL` */
  readonly named: readonly string[];
  readonly stdin: Input;
}

const isUrl = (text: string): boolean => /^(https?|git|ssh):\/\/|^[\w.-]+@[\w.-]+:|^github\.com\//.test(text);

export async function buildSources({ path, file, named, stdin }: Asked): Promise<BuildSources> {
  const directories = new Map<string, DirectoryContext>();
  const elsewhere: Record<string, string> = {};
  const layouts: string[] = [];
  for (const text of named) {
    const { name, value } = namedContext(text);
    if (value.startsWith("oci-layout://")) {
      const { directory, digest } = layoutOf(value);
      layouts.push(directory);
      elsewhere[name] = `oci-layout://${encodeURIComponent(directory)}@${digest}`;
    } else if (isUrl(value) || /^[a-z-]+:\/\//.test(value)) elsewhere[name] = value;
    else directories.set(name, namedDirectory(name, value));
  }
  const more = { stream: undefined, directories, elsewhere, layouts };
  if (path === "-") {
    if (file === "-") throw usageError("the Dockerfile and the context cannot both come from standard input");
    const { dockerfile, archive } = await streamedContext(inputChunks(stdin), file);
    return { ...more, stream: archive, query: { dockerfile } };
  }
  if (isUrl(path)) {
    if (file === "-") {
      const stream = fileAlone("Dockerfile", Buffer.from(await textOf(stdin)));
      return { ...more, stream, query: { remote: path, dockerfile: "Dockerfile", definition: true } };
    }
    return { ...more, query: { remote: path, dockerfile: file } };
  }
  const own = directoryContext(path, file, () => textOf(stdin));
  directories.set("", own);
  return { ...more, query: { dockerfile: own.dockerfile, source: path } };
}

/** `oci-layout://DIRECTORY[:TAG][@DIGEST]` */
function layoutOf(value: string): { directory: string; digest: string } {
  const [, path = "", given] = /^oci-layout:\/\/([^@]+)(?:@(.+))?$/.exec(value) ?? [];
  const [, directory = path, tag = "latest"] = existsSync(path) ? [] : (/^(.+):([^:/]+)$/.exec(path) ?? []);
  const digest = given ?? layoutDigest(directory, tag);
  if (digest === "") throw new Exit(1, `isle: the layout ${directory} holds no image ${tag}`);
  return { directory: resolve(directory), digest };
}

function namedContext(text: string): { name: string; value: string } {
  const [, name = "", value = ""] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (name === "") throw usageError(`invalid context ${text}: it is NAME=DIRECTORY or NAME=URL`);
  return { name, value };
}

async function textOf(stdin: Input): Promise<string> {
  let text = "";
  for await (const chunk of inputChunks(stdin)) text += Buffer.from(chunk).toString();
  return text;
}

interface Call {
  readonly query: QueryValues;
  readonly headers: Readonly<Record<string, string>>;
}

/** Sends what has changed in the directories since their last builds, or all of it. */
export async function* sendBuild<Event>(
  client: Client,
  sources: BuildSources,
  call: Call,
): AsyncGenerator<BuildLine<Event>, void> {
  // What was read from standard input cannot be sent twice.
  const known = sources.stream ? new Map<string, Known>() : await knownTo(client, sources);
  try {
    yield* buildImage<Event>(client, bodyOf(sources, known), withSources(call, sources, known));
  } catch (error) {
    // Another build of a directory was faster.
    const hasBase = [...known.values()].some(({ version }) => version !== "");
    if (!hasBase || !isCode(error, "conflict")) throw error;
    yield* buildImage<Event>(client, bodyOf(sources, new Map()), withSources(call, sources, new Map()));
  }
}

type Known = Awaited<ReturnType<typeof keptContext>>;

async function knownTo(client: Client, { directories }: BuildSources): Promise<Map<string, Known>> {
  const known = new Map<string, Known>();
  for (const [name, { key }] of directories) known.set(name, await keptContext(client, key));
  return known;
}

function withSources(call: Call, { query, directories, elsewhere }: BuildSources, known: Map<string, Known>): Call {
  const place = (name: string, { key }: DirectoryContext) => ({ context: key, base: known.get(name)?.version ?? "" });
  const own = directories.get("");
  const named = [...directories].filter(([name]) => name !== "").map(([name, each]) => [name, place(name, each)]);
  const all = { ...Object.fromEntries(named), ...elsewhere };
  return {
    ...call,
    query: {
      ...call.query,
      ...query,
      ...(own && place("", own)),
      ...(Object.keys(all).length > 0 && { named: JSON.stringify(all) }),
    },
  };
}

/** The build's own files alone as they are; with those of named directories each is framed. */
function bodyOf({ stream, directories }: BuildSources, known: Map<string, Known>): AsyncIterable<Uint8Array> {
  const changed = (name: string, directory: DirectoryContext) =>
    gathered(directory.changedSince(new Map(Object.entries(known.get(name)?.facts ?? {}))));
  const own = directories.get("");
  const ours = stream ?? (own && changed("", own));
  const named = [...directories].filter(([name]) => name !== "").map(([name, each]) => changed(name, each));
  if (named.length === 0) return ours ?? nothing();
  return framedStreams([...(ours ? [ours] : []), ...named]);
}

/** Of a directory, the Dockerfile and its ignore files alone: enough to say something about it. */
export const definitionBody = ({ stream, directories }: BuildSources): AsyncIterable<Uint8Array> =>
  stream ?? directories.get("")?.definition() ?? nothing();

async function* nothing(): AsyncGenerator<Uint8Array, void> {}
