import type { Network, NetworkCreateResponse } from "../api/generated/engine-api.ts";
import type { Client } from "./client.ts";
import type { Filters } from "./containers.ts";

const path = (name: string, rest = ""): string => `/networks/${encodeURIComponent(name)}${rest}`;

export const listNetworks = (client: Client, filters: Filters = {}): Promise<Network[]> =>
  client.json("GET", "/networks", { query: { filters } });

export const createNetwork = (client: Client, body: object): Promise<NetworkCreateResponse> =>
  client.json("POST", "/networks/create", { json: body });

export const removeNetwork = (client: Client, name: string): Promise<string> => client.text("DELETE", path(name));

export const connectNetwork = (client: Client, name: string, body: object): Promise<string> =>
  client.text("POST", path(name, "/connect"), { json: body });

export const disconnectNetwork = (
  client: Client,
  name: string,
  body: { Container: string; Force: boolean },
): Promise<string> => client.text("POST", path(name, "/disconnect"), { json: body });
