import type {
  ContainerCreateResponse,
  ContainerInspectResponse,
  ContainerStatsResponse,
  ContainerSummary,
  ContainerTopResponse,
  ContainerUpdateResponse,
  ContainerWaitResponse,
  FilesystemChange,
  Port,
} from "../api/generated/engine-api.ts";
import type { ByteStream } from "../base/byte-stream.ts";
import type { Answer, Client, RequestBodyLike } from "./client.ts";
import type { QueryValues } from "./query-string.ts";

export type Filters = Readonly<Record<string, readonly string[]>>;

const path = (id: string, rest = ""): string => `/containers/${encodeURIComponent(id)}${rest}`;

export interface ListContainers {
  readonly all?: boolean;
  readonly limit?: number;
  readonly size?: boolean;
  readonly filters?: Filters;
}

export const listContainers = (client: Client, query: ListContainers = {}): Promise<ContainerSummary[]> =>
  client.json("GET", "/containers/json", { query: { ...query } });

export interface CreateOptions {
  readonly name?: string;
  readonly platform?: string;
}

export const createContainer = (client: Client, body: object, query: CreateOptions): Promise<ContainerCreateResponse> =>
  client.json("POST", "/containers/create", { query: { ...query }, json: body });

export const inspectContainer = (client: Client, id: string, size = false): Promise<ContainerInspectResponse> =>
  client.json("GET", path(id, "/json"), { query: { size } });

export const addPorts = (client: Client, id: string, PortBindings: object): Promise<{ Ports: Port[] }> =>
  client.json("POST", `/isle${path(id, "/ports")}`, { json: { PortBindings } });

export const removePort = (
  client: Client,
  id: string,
  query: { port: string; hostPort: string; hostAddress: string },
): Promise<string> => client.text("DELETE", `/isle${path(id, "/ports")}`, { query });

export const startContainer = (client: Client, id: string, query: { detachKeys?: string } = {}): Promise<string> =>
  client.text("POST", path(id, "/start"), { query });

/** Verbs that take no body and answer nothing. */
export type ContainerVerb = "stop" | "restart" | "kill" | "pause" | "unpause" | "rename" | "resize";

export const actOnContainer = (
  client: Client,
  id: string,
  { verb, query }: { verb: ContainerVerb; query?: QueryValues },
): Promise<string> => client.text("POST", path(id, `/${verb}`), query === undefined ? {} : { query });

/** Saves a running microVM to disk and ends its processes, or lets a saved one go on. */
export const keepContainer = (client: Client, id: string, verb: "suspend" | "resume"): Promise<string> =>
  client.text("POST", `/isle${path(id, `/${verb}`)}`);

/** Running copies of a running microVM, by their ids. */
export const forkContainer = (
  client: Client,
  id: string,
  body: { Count: number; Names: readonly string[] },
): Promise<{ Ids: string[] }> => client.json("POST", `/isle${path(id, "/fork")}`, { json: body });

export interface RemoveOptions {
  readonly force?: boolean;
  readonly v?: boolean;
  readonly link?: boolean;
}

export const removeContainer = (client: Client, id: string, query: RemoveOptions): Promise<string> =>
  client.text("DELETE", path(id), { query: { ...query } });

export interface AttachOptions {
  readonly stdin?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  readonly logs?: boolean;
  readonly detachKeys?: string;
}

/** A raw stream to and from the container's process; framed unless it has a terminal. */
export const attachContainer = (client: Client, id: string, query: AttachOptions): Promise<ByteStream> =>
  client.hijack("POST", path(id, "/attach"), { query: { stream: true, ...query } });

/** Empty for the daemon's own, not-running. */
export type WaitCondition = "" | "not-running" | "next-exit" | "removed";

/** Resolves once the daemon waits; `outcome` then resolves when the condition holds. */
export async function waitContainer(
  client: Client,
  id: string,
  condition: WaitCondition,
): Promise<{ outcome: Promise<ContainerWaitResponse> }> {
  const { body } = await client.stream("POST", path(id, "/wait"), { query: { condition } });
  return { outcome: readOutcome(body) };
}

async function readOutcome(body: AsyncIterable<Uint8Array>): Promise<ContainerWaitResponse> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of body) text += decoder.decode(piece, { stream: true });
  return JSON.parse(text) as ContainerWaitResponse;
}

export interface LogOptions {
  readonly follow?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  readonly since?: string;
  readonly until?: string;
  readonly timestamps?: boolean;
  readonly tail?: string;
  readonly details?: boolean;
}

export const containerLogs = (client: Client, id: string, query: LogOptions): Promise<Answer> =>
  client.stream("GET", path(id, "/logs"), { query: { ...query } });

export const containerTop = (client: Client, id: string, psArgs: string): Promise<ContainerTopResponse> =>
  client.json("GET", path(id, "/top"), { query: { ps_args: psArgs } });

export const containerStats = (
  client: Client,
  id: string,
  options: { stream: boolean; signal?: AbortSignal },
): AsyncGenerator<ContainerStatsResponse, void> =>
  client.lines("GET", path(id, "/stats"), { query: { stream: options.stream ? "1" : "0" }, signal: options.signal });

export const containerChanges = (client: Client, id: string): Promise<FilesystemChange[] | null> =>
  client.json("GET", path(id, "/changes"));

export const updateContainer = (client: Client, id: string, body: object): Promise<ContainerUpdateResponse> =>
  client.json("POST", path(id, "/update"), { json: body });

export const exportContainer = (client: Client, id: string): Promise<Answer> =>
  client.stream("GET", path(id, "/export"));

export interface PruneResponse {
  readonly ContainersDeleted?: string[] | null;
  readonly ImagesDeleted?: { Untagged?: string; Deleted?: string }[] | null;
  readonly NetworksDeleted?: string[] | null;
  readonly VolumesDeleted?: string[] | null;
  readonly CachesDeleted?: string[] | null;
  readonly SpaceReclaimed?: number;
}

/** Removes what nothing uses. */
export const prune = (
  client: Client,
  kind: "containers" | "images" | "networks" | "volumes",
  filters: Filters,
): Promise<PruneResponse> => client.json("POST", `/${kind}/prune`, { query: { filters } });

type CacheLimit = "reserved-space" | "max-used-space" | "min-free-space";

/** Forgets cached build steps; "all" takes those that images stand on, and cache mounts. */
export const pruneBuildCache = (
  client: Client,
  query: Readonly<{ filters: Filters; all: boolean } & Partial<Record<CacheLimit, number | undefined>>>,
): Promise<PruneResponse> => client.json("POST", "/build/prune", { query });

/** A tar archive of a path in the container; `stat` says what the path is. */
export async function readArchive(client: Client, id: string, source: string): Promise<Answer & { stat: PathStat }> {
  const answer = await client.stream("GET", path(id, "/archive"), { query: { path: source } });
  return Object.assign(answer, { stat: decodeStat(answer.headers) });
}

export interface PathStat {
  readonly name: string;
  readonly size: number;
  /** Go's file mode; the top bit marks a directory, bit 27 a symbolic link. */
  readonly mode: number;
  readonly mtime: string;
  readonly linkTarget: string;
}

export async function statArchive(client: Client, id: string, source: string): Promise<PathStat> {
  const answer = await client.stream("HEAD", path(id, "/archive"), { query: { path: source } });
  for await (const _ of answer.body) {
    // a HEAD answer has no body; reading it frees the connection
  }
  return decodeStat(answer.headers);
}

const decodeStat = (headers: ReadonlyMap<string, string>): PathStat =>
  JSON.parse(Buffer.from(headers.get("x-docker-container-path-stat") ?? "", "base64").toString() || "{}") as PathStat;

export interface WriteArchiveOptions {
  readonly path: string;
  readonly noOverwriteDirNonDir?: boolean;
  readonly copyUIDGID?: boolean;
}

export const writeArchive = (
  client: Client,
  id: string,
  { body, ...query }: WriteArchiveOptions & { body: RequestBodyLike },
): Promise<string> => client.text("PUT", path(id, "/archive"), { query: { ...query }, body });
