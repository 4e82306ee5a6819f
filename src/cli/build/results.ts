import { lstatSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildOutput, sendWanted } from "../../client/build.ts";
import type { Client } from "../../client/client.ts";
import { ClosedError } from "../../client/errors.ts";
import type { QueryValues } from "../../client/query-string.ts";
import { writeStream } from "../file-stream.ts";
import type { FlagValues } from "../flags/flag.ts";
import type { Io } from "../io.ts";
import { readAttests } from "./attests.ts";
import type { BuildEvent } from "./build-log.ts";
import { type CacheWords, cacheBlob, mergedIndex, readCacheSources, readCacheTargets, readIndex } from "./caches.ts";
import { type Agents, forwardAgent } from "./forward-agent.ts";
import type { outputFlags } from "./output-flags.ts";
import { isPushed, type Output, readOutputs } from "./outputs.ts";
import { writeTree } from "./write-tree.ts";

/** What shall become of a build's result, and which caches it uses. */
export interface ResultWishes {
  readonly outputs: readonly Output[];
  readonly cacheFrom: readonly CacheWords[];
  readonly cacheTo: readonly CacheWords[];
  /** Settings of what shall attest to the build, by its type. */
  readonly attests: Readonly<Record<string, string>>;
  readonly agents: Agents;
  /** Directories of images that named contexts are. */
  readonly layouts: readonly string[];
}

export async function readResultWishes(flags: FlagValues<typeof outputFlags>, io: Io): Promise<ResultWishes> {
  const outputs = readOutputs(flags, { terminal: io.stdout.isTerminal });
  const sources = readCacheSources(flags["cache-from"]);
  const found = sources.filter(({ Type, Attrs }) => Type !== "local" || Attrs["digest"] !== "");
  for (const { Attrs } of sources.filter((source) => !found.includes(source))) {
    await io.stderr.write(`WARNING: there is no cache in ${Attrs["src"]}\n`);
  }
  return {
    outputs,
    cacheFrom: found,
    cacheTo: readCacheTargets(flags["cache-to"]),
    attests: readAttests(flags),
    agents: new Map(),
    layouts: [],
  };
}

/** The wishes in the words of the API. */
export function resultQuery({ outputs, cacheFrom, cacheTo, attests }: ResultWishes): QueryValues {
  const list = (words: readonly CacheWords[]) => (words.length === 0 ? undefined : JSON.stringify(words));
  return {
    outputs: list(outputs.map(({ type, attributes }) => ({ Type: type, Attrs: attributes }))),
    cachefrom: list(cacheFrom),
    cacheto: list(cacheTo),
    attests,
  };
}

/** Names in registries that the build will ask for credentials of: what it pushes, and its caches. */
export function registryNames({ outputs, cacheFrom, cacheTo }: ResultWishes, tags: readonly string[]): string[] {
  const pushed = outputs.filter(isPushed);
  const named = pushed.flatMap(({ attributes }) => (attributes["name"] ?? "").split(",").filter(Boolean));
  const caches = [...cacheFrom, ...cacheTo].flatMap(({ Attrs }) => Attrs["ref"] ?? []);
  return [...(pushed.length > 0 ? tags : []), ...named, ...caches];
}

interface Here {
  readonly client: Client;
  readonly io: Io;
}

/**
 * Does what an event asks of the client: takes an output in, or sends what the engine wants of a cache. When the engine broke
 * that off, it is returned: the build itself tells why.
 */
export async function attend(here: Here, wishes: ResultWishes, event: BuildEvent): Promise<ClosedError | undefined> {
  try {
    if (event.kind === "deliver") await receiveOutput(here, wishes.outputs[event.output]!, event.id);
    else if (event.kind === "deliver-cache") await receiveCache(here, wishes, event);
    else if (event.kind === "fetch") await sendBlob(here, wishes, event);
    // Lasts as long as a step wants; an agent that does not answer fails the step.
    else if (event.kind === "agent") forwardAgent(here, wishes.agents, event).catch(() => {});
    return undefined;
  } catch (error) {
    if (error instanceof ClosedError) return error;
    throw error;
  }
}

async function receiveOutput({ client, io }: Here, { target }: Output, id: string): Promise<void> {
  const archive = await buildOutput(client, id);
  if (target?.kind === "layout") return await receiveLayout(archive, target.path);
  if (target?.kind !== "directory") {
    await writeStream(archive, target?.path === "-" ? "" : (target?.path ?? ""), io.stdout);
    return;
  }
  for (const name of await writeTree(archive, target.path)) {
    await io.stderr.write(`WARNING: left out ${name}: it is a device or a pipe\n`);
  }
}

async function receiveCache(
  { client }: Here,
  { cacheTo }: ResultWishes,
  { name, id }: Extract<BuildEvent, { kind: "deliver-cache" }>,
): Promise<void> {
  await receiveLayout(await buildOutput(client, id), asNamed(cacheTo, "dest", name));
}

/** Into a directory that may hold others, which stay. */
async function receiveLayout(archive: AsyncIterable<Uint8Array>, directory: string): Promise<void> {
  const before = readIndex(directory);
  await writeTree(archive, directory);
  const path = join(directory, "index.json");
  if (!lstatSync(path).isFile()) throw new Error(`${path} is no file`);
  const merged = JSON.stringify(mergedIndex(before, readIndex(directory)));
  // Anew, so that nothing is written through a link.
  rmSync(path);
  writeFileSync(path, merged, { flag: "wx" });
}

async function sendBlob(
  { client }: Here,
  { cacheFrom, layouts }: ResultWishes,
  { name, digest, id }: Extract<BuildEvent, { kind: "fetch" }>,
): Promise<void> {
  const directory = layouts.includes(name) ? name : asNamed(cacheFrom, "src", name);
  let blob: ReturnType<typeof cacheBlob> | undefined;
  let error = "";
  try {
    blob = cacheBlob(directory, digest);
  } catch {
    error = `${directory} has no blob ${digest}`;
  }
  await sendWanted(client, id, { body: blob?.chunks, error });
}

/** The engine may ask for the directories that the user named, and for no others. */
function asNamed(caches: readonly CacheWords[], attribute: "src" | "dest", name: string): string {
  const known = caches.some(({ Type, Attrs }) => Type === "local" && Attrs[attribute] === name);
  if (!known) throw new Error(`the engine asks for ${name}, which is no cache of this build`);
  return name;
}

/** The engine's facts with the descriptor as JSON, as buildx writes them. */
export function writeMetadata(path: string, facts: Readonly<Record<string, string>>): void {
  const descriptor = "containerimage.descriptor";
  const readable = Object.entries(facts).map(([name, value]): [string, unknown] => {
    if (name === descriptor) return [name, JSON.parse(Buffer.from(value, "base64").toString())];
    return [name, value];
  });
  const sorted = readable.sort(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(path, `${JSON.stringify(Object.fromEntries(sorted), undefined, 2)}\n`);
}
