import type { Volume, VolumeListResponse } from "../api/generated/engine-api.ts";
import type { Answer, Client, RequestBodyLike } from "./client.ts";
import type { Filters } from "./containers.ts";

const path = (name: string): string => `/volumes/${encodeURIComponent(name)}`;

export const listVolumes = (client: Client, filters: Filters = {}): Promise<VolumeListResponse> =>
  client.json("GET", "/volumes", { query: { filters } });

export const createVolume = (client: Client, body: object): Promise<Volume> =>
  client.json("POST", "/volumes/create", { json: body });

export const removeVolume = (client: Client, name: string, force: boolean): Promise<string> =>
  client.text("DELETE", path(name), { query: { force } });

export interface Snapshot {
  readonly Name: string;
  readonly CreatedAt: string;
  readonly Method: CopyMethod;
  readonly Size: number;
}

/** Whether blocks are shared with the origin or were copied. */
export type CopyMethod = "reflink" | "copy";

const contentPath = (name: string, rest: string): string => `/isle${path(name)}${rest}`;
const snapshotPath = (name: string, snapshot: string): string =>
  contentPath(name, `/snapshots/${encodeURIComponent(snapshot)}`);

export const takeSnapshot = (client: Client, volume: string, name: string): Promise<Snapshot> =>
  client.json("POST", contentPath(volume, "/snapshots"), { query: { name } });

export const listSnapshots = (client: Client, volume: string): Promise<Snapshot[]> =>
  client.json("GET", contentPath(volume, "/snapshots"));

export const removeSnapshot = (client: Client, volume: string, snapshot: string): Promise<string> =>
  client.text("DELETE", snapshotPath(volume, snapshot));

export const restoreSnapshot = (client: Client, volume: string, snapshot: string): Promise<{ Method: CopyMethod }> =>
  client.json("POST", `${snapshotPath(volume, snapshot)}/restore`);

export const cloneVolume = (
  client: Client,
  volume: string,
  query: { target: string; snapshot: string },
): Promise<Volume & { Method: CopyMethod }> => client.json("POST", contentPath(volume, "/clone"), { query });

export const exportVolume = (client: Client, volume: string, snapshot: string): Promise<Answer> =>
  client.stream("GET", contentPath(volume, "/export"), { query: { snapshot } });

export const importVolume = (
  client: Client,
  query: { name: string; opt: readonly string[]; label: readonly string[] },
  body: RequestBodyLike,
): Promise<Volume> => client.json("POST", "/isle/volumes/import", { query, body });
