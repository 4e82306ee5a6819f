import type {
  AuthConfig,
  BuildCache,
  ContainerSummary,
  ImageSummary,
  SystemInfo,
  SystemVersion,
  Volume,
} from "../api/generated/engine-api.ts";
import { isCode } from "../base/error.ts";
import type { Client } from "./client.ts";
import type { Filters } from "./containers.ts";
import { textLines } from "./json-lines.ts";

export const systemVersion = (client: Client): Promise<SystemVersion> => client.json("GET", "/version");

export const systemInfo = (client: Client): Promise<SystemInfo> => client.json("GET", "/info");

export interface DiskUsage {
  readonly LayersSize?: number | null;
  readonly Images?: ImageSummary[] | null;
  readonly Containers?: ContainerSummary[] | null;
  readonly Volumes?: Volume[] | null;
  readonly BuildCache?: BuildCache[] | null;
}

export const diskUsage = (client: Client): Promise<DiskUsage> => client.json("GET", "/system/df");

interface KeptKind {
  readonly Count: number;
  readonly Size: number;
}

/** MicroVMs that do not run, and what they take of disk and memory. */
export interface KeptMachines {
  readonly Templates: KeptKind;
  readonly Waiting: KeptKind & { readonly Memory: number };
  readonly Suspended: KeptKind;
}

/** Undefined of another engine, which does not know of any. */
export async function keptMachines(client: Client): Promise<KeptMachines | undefined> {
  try {
    return await client.json<KeptMachines>("GET", "/isle/system/df");
  } catch (error) {
    if (isCode(error, "notFound")) return undefined;
    throw error;
  }
}

export interface EventOptions {
  readonly since?: string;
  readonly until?: string;
  readonly filters?: Filters;
}

/** Events as the JSON they came in: `timeNano` has more digits than a number keeps. */
export async function* systemEvents(client: Client, query: EventOptions): AsyncGenerator<string, void> {
  const { body } = await client.stream("GET", "/events", { query: { ...query } });
  yield* textLines(body);
}

/** Asks the registry, through the daemon, whether the credentials are right. */
export const checkLogin = (client: Client, auth: AuthConfig): Promise<{ Status?: string; IdentityToken?: string }> =>
  client.json("POST", "/auth", { json: auth });
