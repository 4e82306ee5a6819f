import { type parseRegistryAuth, registryAuthOf } from "../../api/registry-auth.ts";
import type { Digest } from "../../base/digest.ts";
import { invalid } from "../../base/error.ts";
import { newId } from "../../base/id.ts";
import { parsePlatform } from "../../base/platform.ts";
import { parseDuration } from "../../base/time.ts";
import { excerptOf, placeOf } from "../../core/build/source.ts";
import type { Credentials } from "../../core/registry.ts";
import { buildImage } from "../../engine/build/build-image.ts";
import { cacheTerms } from "../../engine/build/cache-filter.ts";
import { checkBuildHost } from "../../engine/build/check-host.ts";
import type { BuildDeps } from "../../engine/build/deps.ts";
import { recordedBuild } from "../../engine/build/history/recorded-build.ts";
import { HostKeys } from "../../engine/build/host-keys.ts";
import { pruneBuildCache } from "../../engine/build/prune.ts";
import type { BuildEvent, BuildRequest } from "../../engine/build/request.ts";
import { receiveInput, takeContexts } from "../build/build-input.ts";
import { emptyWishes, hostOptions, isBuildkit, isOverSession, refuseUnsupported } from "../build/build-options.ts";
import {
  buildAgents,
  buildFetches,
  buildOutputs,
  clientAgents,
  clientDoor,
  type DoorEvent,
} from "../build/client-door.ts";
import { attestsOf, cachesOf, outputsOf } from "../build/output-words.ts";
import { answerQuestion, questionOf } from "../build/subrequests.ts";
import { ClassicProgress } from "../encode/build-progress.ts";
import { type Exchange, json, type Reply, type Route, sent } from "../exchange.ts";
import { type ProgressLine, streamProgress } from "../json-stream.ts";
import type { Query } from "../query.ts";

type Handler = Route<BuildDeps>["handle"];

/** The classic way to build: the context as the body, progress as JSON lines. */
const build: Handler = async (exchange, deps) => {
  const { query, signal } = exchange;
  if (isOverSession(query)) return await overSession(exchange, deps);
  const results = { outputs: outputsOf(query), ...cachesOf(query), attest: attestsOf(query) };
  refuseUnsupported(query, results.outputs);
  const options = readOptions(exchange);
  const warnings = [...emptyWishes(query), ...checkBuildHost(deps, options.host)];
  const question = query.text("call");
  if (question) return await answer(exchange, deps, { options, question: questionOf(question) });
  await streamProgress(exchange, async (report) => {
    const announce = (event: DoorEvent): void => report({ aux: event });
    const offered = {
      directory: deps.settings.paths.agents,
      offered: query.all("ssh").flatMap((each) => each.split(",")),
    };
    const request = { ...options, ...results, sshAgent: clientAgents(offered, announce, signal), signal };
    const door = clientDoor(deps.content, announce, signal);
    const openBlob = (layout: string, digest: string) => door.clientCache.open(layout, digest as Digest);
    const show = await reporter(exchange, report);
    const about = {
      ...{ ...request, id: newId(), context: query.text("remote") || query.text("source") || "" },
      dockerfile: query.text("dockerfile") || "Dockerfile",
    };
    // A client that is told to send all files begins anew: that is no build yet.
    const contexts = await takeContexts(exchange, deps);
    const { facts } = await recordedBuild(deps, about, async (tell) => {
      const onEvent = (event: BuildEvent): void => {
        tell(event);
        show(event);
      };
      const hostKeys = new HostKeys((message) => onEvent({ kind: "warning", message }));
      const access = { ...accessOf(request), contexts, hostKeys, openBlob };
      const { release, ...input } = await receiveInput(exchange, deps, access);
      for (const message of warnings) onEvent({ kind: "warning", message });
      try {
        return await buildImage(deps, { ...request, ...input, hostKeys, onEvent, ...door });
      } finally {
        // Before the client hears of the end: its next build finds the files.
        await release();
      }
    }).catch((error: unknown) => {
      if (query.flag("events")) reportPlace(error, report);
      throw error;
    });
    if (query.flag("events")) report({ aux: { kind: "exported", facts } });
  });
  return sent;
};

/** Loaded with the first client that builds this way. */
const buildkitDoor = () => import("../buildkit/door.ts");

/** BuildKit's way with the context over the session, of clients older than buildx. */
async function overSession(exchange: Exchange, deps: BuildDeps): Promise<Reply> {
  const { query, signal } = exchange;
  const { sessionBuild, sessionParts } = await buildkitDoor();
  const asked = { query, signal, outputs: outputsOf(query) };
  await streamProgress(exchange, async (report) => await sessionBuild(sessionParts(deps), asked, report));
  return sent;
}

/** Clients that build in BuildKit's way may offer credentials over a session beside the context. */
async function credentialsOverSession(query: Query, domain: string): Promise<Credentials | undefined> {
  const session = isBuildkit(query) ? query.text("session") : undefined;
  if (!session) return undefined;
  const { sessions } = await buildkitDoor();
  return await (await sessions.get(session)).credentials(domain);
}

interface Question {
  readonly options: Options;
  readonly question: ReturnType<typeof questionOf>;
}

/** What the client asks about the Dockerfile, instead of building it. */
async function answer(exchange: Exchange, deps: BuildDeps, { options, question }: Question): Promise<Reply> {
  const access = accessOf({ ...options, sshAgent: async () => undefined, signal: exchange.signal });
  const openBlob = (layout: string) => {
    throw invalid(`a question about a Dockerfile reads no images of ${layout}`);
  };
  const contexts = await takeContexts(exchange, deps);
  const { release, ...input } = await receiveInput(exchange, deps, { ...access, contexts, openBlob });
  try {
    return json(200, answerQuestion(deps, question, { ...options, ...input }));
  } finally {
    await release();
  }
}

type Accessing = Pick<BuildRequest, "args" | "secret" | "sshAgent" | "signal" | "platforms">;

function accessOf({ args, secret, sshAgent, signal, platforms }: Accessing) {
  const keepGitDir = /^(1|true)$/i.test(args.get("BUILDKIT_CONTEXT_KEEP_GIT_DIR") ?? "");
  return { secret, sshAgent, signal, keepGitDir, platform: platforms[0] };
}

/** What the engine has kept of a context: the client sends the files whose facts are others. */
const keptContext: Handler = async ({ query }, { contexts }) => {
  const kept = contexts.get(query.text("key") ?? "");
  return json(
    200,
    kept ? { version: kept.version, facts: Object.fromEntries(kept.facts) } : { version: "", facts: {} },
  );
};

type Results = "sshAgent" | "hostKeys" | "outputs" | "attest" | "cacheFrom" | "cacheTo" | "deliver" | "clientCache";

type Options = Omit<
  BuildRequest,
  "dockerfile" | "context" | "contextExcludes" | "ignored" | "named" | "signal" | "onEvent" | Results
>;

function readOptions({ query, request }: Exchange): Options {
  const uncachedStages = query.all("nocachefilter").flatMap((each) => each.split(","));
  const args = textMap(query, "buildargs");
  const epoch = args.get("SOURCE_DATE_EPOCH");
  if (epoch !== undefined && !/^\d{1,12}$/.test(epoch)) throw invalid(`invalid SOURCE_DATE_EPOCH: ${epoch}`);
  const auths = registryConfig(request.headers["x-registry-config"]);
  const secrets = secretsOf(request.headers["x-isle-build-secrets"]);
  return {
    target: query.text("target") ?? "",
    args,
    labels: Object.fromEntries([...textMap(query, "labels")].map(([name, value]) => [name, value ?? ""])),
    platforms: query
      .all("platform")
      .flatMap((each) => each.split(","))
      .filter(Boolean)
      .map(parsePlatform),
    uncached: query.flag("nocache") ? "all" : new Set(uncachedStages.filter(Boolean)),
    pull: query.flag("pull"),
    host: hostOptions(query),
    credentialsFor: async (domain) => auths.get(domain) ?? (await credentialsOverSession(query, domain)),
    secret: async (id) => secrets.get(id),
    epoch: epoch === undefined ? undefined : Number(epoch),
  };
}

/** A JSON object of texts; null stands for a variable that the client does not have. */
function textMap(query: Query, name: string): Map<string, string | undefined> {
  const value = query.json(name);
  if (value === undefined || value === null) return new Map();
  if (typeof value !== "object" || Array.isArray(value)) throw invalid(`invalid value for ${name}: want an object`);
  return new Map(
    Object.entries(value).map(([key, each]) => {
      if (each !== null && typeof each !== "string") throw invalid(`invalid value for ${name}: ${key} is no text`);
      return [key, each ?? undefined];
    }),
  );
}

function registryConfig(header: string | string[] | undefined) {
  const found = new Map<string, ReturnType<typeof parseRegistryAuth>>();
  if (typeof header !== "string" || header === "") return found;
  const parsed = decodeJson("X-Registry-Config", header);
  for (const [address, entry] of Object.entries(parsed)) {
    if (typeof entry !== "object" || entry === null) continue;
    const { serverAddress: _, ...credentials } = registryAuthOf(entry as Record<string, unknown>);
    found.set(domainOf(address), credentials);
  }
  return found;
}

function domainOf(address: string): string {
  const host = address.replace(/^https?:\/\//, "").split("/")[0]!;
  return host === "index.docker.io" ? "docker.io" : host;
}

/** Secrets by id, in base64 in a JSON object in base64: a header, since the body is the context. */
function secretsOf(header: string | string[] | undefined): Map<string, Uint8Array> {
  if (typeof header !== "string" || header === "") return new Map();
  const entries = Object.entries(decodeJson("X-Isle-Build-Secrets", header));
  return new Map(entries.map(([id, content]) => [id, Buffer.from(String(content), "base64")]));
}

function decodeJson(name: string, header: string): object {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(header, "base64").toString());
    if (typeof parsed === "object" && parsed !== null) return parsed;
  } catch {
    // Told below: the text itself may hold credentials.
  }
  throw invalid(`the header ${name} is not JSON in base64`);
}

/** Docker's words, or for isle's own client the events themselves. */
async function reporter(
  { query }: Exchange,
  report: (line: ProgressLine) => void,
): Promise<(event: BuildEvent) => void> {
  if (query.flag("events")) return (event) => report({ aux: encodeEvent(event) });
  if (isBuildkit(query)) {
    // BuildKit tells of every error in the stream: clients let go of their session when that ends.
    report({ id: "moby.buildkit.trace", aux: "" });
    return (await buildkitDoor()).traceReporter(newId(), report);
  }
  const progress = new ClassicProgress({ quiet: query.flag("q"), report });
  return (event) => progress.take(event);
}

/** The lines that a failure comes from, where its own words are without them. */
function reportPlace(error: unknown, report: (line: ProgressLine) => void): void {
  const place = placeOf(error);
  if (!place || place.problem !== undefined) return;
  const { source, lines } = place;
  report({ aux: { kind: "place", name: `${source.name}:${lines.first}`, excerpt: excerptOf(source.text, lines) } });
}

const encodeEvent = (event: BuildEvent): object =>
  event.kind === "output" ? { ...event, data: Buffer.from(event.data).toString("base64") } : event;

const prune: Handler = async ({ query }, deps) => {
  const filters = query.filters([
    "until",
    "unused-for",
    "id",
    "type",
    "inuse",
    "mutable",
    "immutable",
    "shared",
    "private",
    "description",
    "parent",
  ]);
  const { until, "unused-for": unusedFor, ...others } = Object.fromEntries(filters);
  const age = until?.[0] ?? unusedFor?.[0];
  const terms = cacheTerms(new Map(Object.entries(others)));
  const { entries, freedBytes } = await pruneBuildCache(deps, {
    all: query.flag("all"),
    limits: {
      reservedBytes: query.integer("reserved-space") ?? query.integer("keep-storage"),
      maxUsedBytes: query.integer("max-used-space"),
      minFreeBytes: query.integer("min-free-space"),
    },
    unusedSince: age === undefined ? undefined : Date.now() - parseDuration(age) / 1e6,
    filters: terms.length > 0 ? [terms] : [],
  });
  return json(200, {
    CachesDeleted: entries.length > 0 ? entries.map(({ id }) => id) : null,
    SpaceReclaimed: freedBytes,
  });
};

export const buildRoutes: ReadonlyArray<Route<BuildDeps>> = [
  { method: "POST", path: "/build", handle: build },
  { method: "GET", path: "/isle/build/context", handle: keptContext },
  {
    method: "GET",
    path: "/isle/build/output/{id}",
    handle: (exchange) => buildOutputs.send(exchange, exchange.params["id"]!),
  },
  {
    method: "PUT",
    path: "/isle/build/fetch/{id}",
    handle: (exchange) => buildFetches.receive(exchange, exchange.params["id"]!),
  },
  {
    method: "POST",
    path: "/isle/build/agent/{id}",
    handle: (exchange) => buildAgents.receive(exchange, exchange.params["id"]!),
  },
  { method: "POST", path: "/build/prune", handle: prune },
];
