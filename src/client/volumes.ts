import type { Volume, VolumeListResponse } from "../api/generated/engine-api.ts";
import type { Client } from "./client.ts";
import type { Filters } from "./containers.ts";

const path = (name: string): string => `/volumes/${encodeURIComponent(name)}`;

export const listVolumes = (client: Client, filters: Filters = {}): Promise<VolumeListResponse> =>
  client.json("GET", "/volumes", { query: { filters } });

export const createVolume = (client: Client, body: object): Promise<Volume> =>
  client.json("POST", "/volumes/create", { json: body });

export const removeVolume = (client: Client, name: string, force: boolean): Promise<string> =>
  client.text("DELETE", path(name), { query: { force } });
