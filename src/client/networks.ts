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

export interface ShownPolicy {
  readonly Default: string;
  readonly Rules: readonly string[];
  /** Null for a network that may reach everything. */
  readonly Egress: readonly string[] | null;
}

export interface NetworkDenial {
  readonly Network: string;
  readonly Source: string;
  /** Empty for who is no instance. */
  readonly SourceName: string;
  readonly Destination: string;
  readonly DestinationName: string;
  readonly Protocol: string;
  readonly Port: number;
  readonly Packets: number;
  readonly LastAt: string;
}

export const showPolicy = (client: Client, name: string): Promise<ShownPolicy> =>
  client.json("GET", `/isle${path(name, "/policy")}`);

export const setPolicy = (client: Client, name: string, body: object): Promise<ShownPolicy> =>
  client.json("PUT", `/isle${path(name, "/policy")}`, { json: body });

export const clearPolicy = (client: Client, name: string): Promise<string> =>
  client.text("DELETE", `/isle${path(name, "/policy")}`);

export const listDenials = (client: Client, network: string): Promise<NetworkDenial[]> =>
  client.json("GET", "/isle/networks/denials", { query: { network } });

export interface ShownExposure {
  readonly Instance: string;
  readonly Port: string;
  readonly At: string;
  readonly From: string;
  readonly Limits: string;
}

export const listExposure = (client: Client): Promise<ShownExposure[]> => client.json("GET", "/isle/networks/exposure");
