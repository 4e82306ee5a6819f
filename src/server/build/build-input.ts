import { IsleError, invalid } from "../../base/error.ts";
import { FramedReader } from "../../base/framed-streams.ts";
import type { Platform } from "../../base/platform.ts";
import {
  type ContextPlace,
  dockerfileOf,
  excludedFiles,
  ignoreFiles,
  ignorePatterns,
  receiveContext,
} from "../../engine/build/context.ts";
import type { BuildDeps } from "../../engine/build/deps.ts";
import type { RemoteAccess } from "../../engine/build/git-tree.ts";
import { opensNamed } from "../../engine/build/named-remote.ts";
import { remoteContext } from "../../engine/build/remote-context.ts";
import type { BuildRequest, NamedContext } from "../../engine/build/request.ts";
import type { Exchange } from "../exchange.ts";
import type { Query } from "../query.ts";

/** What a build is made from, until it is released. */
export interface BuildInput
  extends Pick<BuildRequest, "dockerfile" | "context" | "contextExcludes" | "ignored" | "named"> {
  release(): Promise<void>;
}

export interface InputAccess extends RemoteAccess {
  readonly contexts: SentContexts;
  readonly keepGitDir: boolean;
  readonly platform: Platform | undefined;
  openBlob(layout: string, digest: string): AsyncIterable<Uint8Array>;
}

/** Takes in the files of a build that come with the request, and those that it names elsewhere. */
export async function receiveInput(exchange: Exchange, deps: BuildDeps, access: InputAccess): Promise<BuildInput> {
  const { query, request } = exchange;
  const given = query.text("dockerfile") || "Dockerfile";
  const { named: sent, elsewhere, places } = access.contexts;
  const held: Array<{ release(): Promise<void> }> = [];
  const hold = <T extends { release(): Promise<void> }>(each: T): T => {
    held.push(each);
    return each;
  };
  const release = async (): Promise<void> => {
    for (const each of held) await each.release();
  };
  try {
    const kept = [given, ...ignoreFiles(given)];
    const remote = query.text("remote");
    const bodies = sent.length > 0 ? new FramedReader(request) : undefined;
    const own = remote
      ? await remoteContext(deps, remote, { ...access, dockerfile: given, kept })
      : { context: await receiveContext(deps, bodies?.next() ?? request, kept, places.get("")), dockerfile: given };
    const context = hold(own.context);
    const name = own.dockerfile;
    // A Dockerfile of the client's goes with files from elsewhere.
    const sentAlone = remote && query.flag("definition");
    const definition = sentAlone ? hold(await receiveContext(deps, bodies?.next() ?? request, [name])) : context;
    const files = new Map<string, NamedContext>();
    for (const { name: key } of sent) {
      files.set(key, { kind: "files", files: hold(await receiveContext(deps, bodies!.next(), [], places.get(key))) });
    }
    const named = new Map([
      ...[...files].map(([key, found]) => [key, async () => found] as const),
      ...opensNamed(deps, elsewhere, { ...access, hold }),
    ]);
    const dockerfile = dockerfileOf(definition, name);
    const excludes = { contextExcludes: excludedFiles(context, name), ignored: ignorePatterns(context, name) };
    return { dockerfile, context, ...excludes, named, release };
  } catch (error) {
    await release();
    throw error;
  }
}

interface SentContext {
  readonly name: string;
  readonly key: string;
  readonly base: string;
}

/** Contexts whose files come with the request or lie elsewhere. */
export interface SentContexts {
  readonly named: readonly SentContext[];
  readonly elsewhere: ReadonlyMap<string, string>;
  /** Where isle's own client wants files kept. */
  readonly places: ReadonlyMap<string, ContextPlace>;
}

/**
 * Takes the files of earlier builds that the request builds on: all of them, or none and it fails with conflict. They are
 * released with the input that is received next.
 */
export async function takeContexts({ query, request }: Exchange, { contexts }: BuildDeps): Promise<SentContexts> {
  const { named, elsewhere } = readNamed(query);
  const key = query.text("context");
  const wanted = [...(key ? [{ name: "", key, base: query.text("base") ?? "" }] : []), ...named];
  const isGone = wanted.some((each) => each.base !== "" && contexts.get(each.key)?.version !== each.base);
  if (isGone || new Set(wanted.map((each) => each.key)).size < wanted.length) {
    for await (const _ of request);
    throw new IsleError("conflict", "another build has taken the files of the last one", { hint: "send all files" });
  }
  const places = wanted.map(({ name, key: place, base }) => {
    return [name, { key: place, base: base === "" ? undefined : contexts.take(place, base) }] as const;
  });
  return { named, elsewhere, places: new Map(places) };
}

interface SentContext {
  readonly name: string;
  readonly key: string;
  readonly base: string;
}

function readNamed(query: Query): { named: SentContext[]; elsewhere: Map<string, string> } {
  const value = query.json("named") ?? {};
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid("invalid value for named");
  const named: SentContext[] = [];
  const elsewhere = new Map<string, string>();
  for (const [name, each] of Object.entries(value)) {
    if (typeof each === "string") elsewhere.set(name, each);
    else if (typeof each?.context === "string" && typeof each?.base === "string") {
      named.push({ name, key: each.context, base: each.base });
    } else throw invalid(`invalid value for named: ${name} is neither a URL nor files`);
  }
  return { named, elsewhere };
}
