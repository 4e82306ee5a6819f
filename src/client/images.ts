import type { ImageDeleteResponseItem, ImageHistoryResponseItem, ImageSummary } from "../api/generated/engine-api.ts";
import type { Answer, Client, RequestBodyLike } from "./client.ts";
import type { Filters } from "./containers.ts";

/** One line of a progress stream. */
export interface ProgressMessage {
  readonly id?: string;
  readonly status?: string;
  readonly stream?: string;
  readonly progress?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number; readonly units?: string };
  readonly error?: string;
  readonly errorDetail?: { readonly code?: number; readonly message?: string };
  readonly aux?: unknown;
}

const path = (name: string, rest = ""): string => `/images/${name.split("/").map(encodeURIComponent).join("/")}${rest}`;

export const listImages = (
  client: Client,
  query: { all?: boolean; digests?: boolean; filters?: Filters; "shared-size"?: boolean } = {},
): Promise<ImageSummary[]> => client.json("GET", "/images/json", { query });

export const imageHistory = (client: Client, name: string, platform = ""): Promise<ImageHistoryResponseItem[]> =>
  client.json("GET", path(name, "/history"), { query: { platform } });

const auth = (token: string | undefined): { headers?: Record<string, string> } =>
  token === undefined ? {} : { headers: { "X-Registry-Auth": token } };

export interface PullOptions {
  readonly fromImage: string;
  /** A tag or digest; without it every tag is pulled. */
  readonly tag?: string;
  readonly platform?: string;
  /** The X-Registry-Auth header. */
  readonly token?: string | undefined;
}

export const pullImage = (client: Client, { token, ...query }: PullOptions): AsyncGenerator<ProgressMessage, void> =>
  client.lines("POST", "/images/create", { query: { ...query }, ...auth(token) });

export const pushImage = (
  client: Client,
  name: string,
  { tag, token, platform }: { tag: string; token: string | undefined; platform?: string },
): AsyncGenerator<ProgressMessage, void> =>
  client.lines("POST", path(name, "/push"), {
    query: { tag, platform: platform || undefined },
    headers: { "X-Registry-Auth": token ?? Buffer.from("{}").toString("base64url") },
  });

export interface ImportOptions {
  /** `-` for the body, else a URL the daemon reads. */
  readonly fromSrc: string;
  readonly repo?: string;
  readonly message?: string;
  readonly changes?: readonly string[];
  readonly platform?: string;
}

export const importImage = (
  client: Client,
  query: ImportOptions,
  body?: RequestBodyLike,
): AsyncGenerator<ProgressMessage, void> =>
  client.lines("POST", "/images/create", { query: { ...query }, ...(body !== undefined && { body }) });

export const loadImages = (
  client: Client,
  body: RequestBodyLike,
  query: { quiet: boolean; platform?: string },
): Promise<Answer> => client.stream("POST", "/images/load", { query, body });

export const saveImages = (client: Client, names: readonly string[], platform = ""): Promise<Answer> =>
  client.stream("GET", "/images/get", { query: { names, platform } });

export const tagImage = (client: Client, name: string, query: { repo: string; tag: string }): Promise<string> =>
  client.text("POST", path(name, "/tag"), { query });

export const removeImage = (
  client: Client,
  name: string,
  query: { force: boolean; noprune: boolean; platforms?: readonly string[] },
): Promise<ImageDeleteResponseItem[]> => client.json("DELETE", path(name), { query });

export interface CommitOptions {
  readonly container: string;
  readonly repo: string;
  readonly tag: string;
  readonly author: string;
  readonly comment: string;
  /** `0` to let the container run on meanwhile. */
  readonly pause: "" | "0";
  readonly changes: readonly string[];
}

export const commitContainer = (client: Client, query: CommitOptions): Promise<{ Id: string }> =>
  client.json("POST", "/commit", { query: { ...query }, json: {} });

export const searchImages = (
  client: Client,
  query: { term: string; limit?: number; filters: Filters },
): Promise<unknown[]> => client.json("GET", "/images/search", { query });

/** Makes a base image from a distribution's packages. */
export const bootstrapImage = (
  client: Client,
  query: { name: string; date?: string; tag?: string; include?: readonly string[] },
): AsyncGenerator<ProgressMessage, void> => {
  const named = { ...query };
  return client.lines("POST", "/isle/images/bootstrap", { query: named });
};
