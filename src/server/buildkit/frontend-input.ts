import { definitionPart } from "../../api/build-status.ts";
import { readPatterns } from "../../base/dockerignore.ts";
import { unsupported } from "../../base/error.ts";
import { parsePlatform } from "../../base/platform.ts";
import {
  type BuildContext,
  dockerfileOf,
  ignoreFiles,
  ignorePatterns,
  receiveContext,
} from "../../engine/build/context.ts";
import type { BuildDeps } from "../../engine/build/deps.ts";
import type { RemoteAccess } from "../../engine/build/git-tree.ts";
import { opensNamed } from "../../engine/build/named-remote.ts";
import { isRemote, remoteContext } from "../../engine/build/remote-context.ts";
import type { BuildRequest, NamedContext, NamedContexts } from "../../engine/build/request.ts";
import { once } from "../../engine/build/sources.ts";
import type { ActiveBuild } from "./active-build.ts";
import { receiveFiles } from "./receive-files.ts";
import { sessionAgent } from "./session-agent.ts";
import { readBlob } from "./session-cache.ts";
import type { ClientSession } from "./sessions.ts";
import { uploadedContext, uploadPrefix } from "./uploaded-context.ts";

export type Attributes = Readonly<Record<string, string>>;
type Metadata = Record<string, string | string[]>;

export interface FrontendParts {
  readonly session: ClientSession;
  readonly attributes: Attributes;
  /** What other builds have made, by the names this one gives them. */
  readonly linked: NamedContexts;
}

/** Looks the Dockerfile over before the context comes. */
type Check = (definition: Pick<BuildRequest, "dockerfile" | "ignored" | "named">) => void;

export interface FrontendInput
  extends Pick<BuildRequest, "dockerfile" | "context" | "ignored" | "named" | "isChecked"> {
  release(): Promise<void>;
}

/** The Dockerfile and the files of a build, from the client's session and from where else it says they are. */
export async function frontendInput(
  deps: BuildDeps,
  build: ActiveBuild,
  { check, ...parts }: FrontendParts & { readonly check?: Check },
): Promise<FrontendInput> {
  const input = new Input(deps, build, parts);
  try {
    return await input.load(check);
  } catch (error) {
    await input.release();
    throw error;
  }
}

class Input {
  readonly #deps: BuildDeps;
  readonly #build: ActiveBuild;
  readonly #session: ClientSession;
  readonly #attributes: Attributes;
  readonly #linked: NamedContexts;
  readonly #held: Array<{ release(): Promise<void> }> = [];
  readonly #name: string;

  constructor(deps: BuildDeps, build: ActiveBuild, { session, attributes, linked }: FrontendParts) {
    this.#deps = deps;
    this.#build = build;
    this.#session = session;
    this.#attributes = attributes;
    this.#linked = linked;
    this.#name = attributes["filename"] ?? "Dockerfile";
  }

  async load(check: Check | undefined): Promise<FrontendInput> {
    const release = () => this.release();
    const remote = this.#attributes["context"];
    const named = this.#named();
    if (remote) return { ...(await this.#remote(remote)), named, release };
    const name = this.#name;
    const definition = await this.#definition();
    const dockerfile = dockerfileOf(definition, name);
    const ignored = await this.#build.part("[internal] load .dockerignore", () => this.#ignoreLines(definition));
    // A question about the Dockerfile needs no more.
    if (this.#attributes["requestid"]) return { dockerfile, context: undefined, ignored, named, release };
    check?.({ dockerfile, ignored, named });
    const context = await this.#build.part("[internal] load build context", () =>
      receiveKept(this.#deps, this.#session, directory("context", ignored)),
    );
    this.#held.push(context);
    return { dockerfile, context, ignored, named, isChecked: check !== undefined, release };
  }

  async release(): Promise<void> {
    for (const each of this.#held) await each.release();
  }

  async #definition(): Promise<BuildContext> {
    const name = this.#name;
    const files = [name, ...ignoreFiles(name)];
    const definition = await this.#build.part(definitionPart(name), () =>
      receive(this.#deps, this.#session, { "dir-name": "dockerfile", followpaths: files }, files),
    );
    this.#held.push(definition);
    return definition;
  }

  /** A repository or a URL; the Dockerfile lies in it, or comes from the client all the same. */
  async #remote(url: string): Promise<Pick<BuildRequest, "dockerfile" | "context" | "ignored">> {
    const name = this.#name;
    const wanted = { ...this.#access(), dockerfile: name, kept: [name, ...ignoreFiles(name)] };
    const { context, dockerfile } = await this.#build.part("[internal] load remote build context", () =>
      url.startsWith(uploadPrefix)
        ? uploadedContext(this.#deps, this.#session, { url, dockerfile: name, kept: wanted.kept })
        : remoteContext(this.#deps, refuseUnknown(url), wanted),
    );
    this.#held.push(context);
    if (this.#attributes["dockerfilekey"] === "dockerfile") {
      return { context, ignored: [], dockerfile: dockerfileOf(await this.#definition(), name) };
    }
    const ignored = ignorePatterns(context, dockerfile);
    return { context, ignored, dockerfile: dockerfileOf(context, dockerfile) };
  }

  #access(): RemoteAccess & { readonly keepGitDir: boolean } {
    return remoteAccess(this.#deps, this.#build, { session: this.#session, attributes: this.#attributes });
  }

  #named(): NamedContexts {
    const prefix = "context:";
    const given = Object.entries(this.#attributes).filter(([key]) => key.startsWith(prefix));
    const found = given.map(([key, value]) => [key.slice(prefix.length), value] as const);
    const local = found.filter(([, value]) => value.startsWith("local:"));
    // A question is asked before other targets are built; it opens nothing.
    const isAsked = this.#attributes["requestid"] !== undefined;
    const later = isAsked ? found.filter(([, value]) => value.startsWith("target:")) : [];
    const elsewhere = new Map(found.filter((each) => !local.includes(each) && !later.includes(each)));
    const hold = <T extends { release(): Promise<void> }>(each: T): T => {
      this.#held.push(each);
      return each;
    };
    const openBlob = (layout: string, digest: string) => readBlob(this.#session, `oci:${layout}`, digest);
    const [first] = (this.#attributes["platform"] ?? "").split(",").filter(Boolean);
    const platform = first === undefined ? undefined : parsePlatform(first);
    return new Map([
      ...this.#linked,
      ...later.map(([name, value]) => [name, () => Promise.reject(unsupported(`opening ${value}`))] as const),
      ...local.map(([name, value]) => [name, once(() => this.#local(name, value.slice("local:".length)))] as const),
      ...opensNamed(this.#deps, elsewhere, { ...this.#access(), hold, openBlob, platform }),
    ]);
  }

  /** A directory of the client's, without what its own .dockerignore leaves out. */
  async #local(name: string, key: string): Promise<NamedContext> {
    const files = await this.#build.part(`[context ${name}] load from client`, async () => {
      const file = ".dockerignore";
      const top = await receive(this.#deps, this.#session, { "dir-name": key, followpaths: [file] }, [file]);
      await top.release();
      return await receive(this.#deps, this.#session, directory(key, ignoreLinesOf(top, file) ?? []), []);
    });
    this.#held.push(files);
    return { kind: "files", files };
  }

  async #ignoreLines(definition: BuildContext): Promise<string[]> {
    const own = ignoreLinesOf(definition, `${this.#name}.dockerignore`);
    if (own) return own;
    const file = ".dockerignore";
    const context = await receive(this.#deps, this.#session, { "dir-name": "context", followpaths: [file] }, [file]);
    await context.release();
    return ignoreLinesOf(context, file) ?? [];
  }
}

/** What the client can say for itself to the servers of repositories. */
export function remoteAccess(
  deps: BuildDeps,
  { signal, hostKeys }: ActiveBuild,
  { session, attributes }: Pick<FrontendParts, "session" | "attributes">,
): RemoteAccess & { readonly keepGitDir: boolean } {
  const keep = attributes["build-arg:BUILDKIT_CONTEXT_KEEP_GIT_DIR"] ?? "";
  return {
    secret: (id) => session.secret(id),
    sshAgent: (id) => sessionAgent(deps.settings.paths.agents, session, id),
    hostKeys,
    signal,
    keepGitDir: /^(1|true)$/i.test(keep),
  };
}

function refuseUnknown(url: string): string {
  if (isRemote(url)) return url;
  throw unsupported(`building from the context ${url}`, {
    hint: "a directory, a git repository, or a URL of an archive or a Dockerfile",
  });
}

const directory = (name: string, ignored: readonly string[]): Metadata => ({
  "dir-name": name,
  ...(ignored.length > 0 && { "exclude-patterns": [...ignored] }),
});

function ignoreLinesOf({ manifest }: BuildContext, name: string): string[] | undefined {
  const text = manifest.texts.get(name);
  return text && readPatterns(text.toString()).filter((line) => line.trim() !== "");
}

/** A directory of the client's, or of it what the metadata asks for. */
async function receive(
  deps: BuildDeps,
  session: ClientSession,
  metadata: Metadata,
  kept: readonly string[],
): Promise<BuildContext> {
  return await receiveContext(deps, receiveFiles(session.openFiles(encodeMetadata(metadata)), undefined), kept);
}

/** A directory of which only those files come that were not there, or others, in its last build. */
async function receiveKept(deps: BuildDeps, session: ClientSession, metadata: Metadata): Promise<BuildContext> {
  const key = session.sharedKey;
  if (key === "") return await receive(deps, session, metadata, []);
  const base = deps.contexts.take(key);
  const files = receiveFiles(session.openFiles(encodeMetadata(metadata)), base?.facts ?? new Map());
  return await receiveContext(deps, files, [], { key, base });
}

/** Headers are ASCII: other texts are encoded, and a header beside them says so. */
function encodeMetadata(metadata: Metadata): Metadata {
  return Object.fromEntries(
    Object.entries(metadata).flatMap(([key, value]) => {
      const values = [value].flat();
      if (values.every((each) => /^[\x20-\x7e]*$/.test(each))) return [[key, values]];
      return [
        [key, values.map((each) => encodeURIComponent(each).replaceAll("%20", "+"))],
        [`${key}-encoded`, "1"],
      ];
    }),
  );
}
