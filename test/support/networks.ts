import type { ApiClient, Json } from "./api-client.ts";

/** Makes a network and returns its id. */
export async function userNetwork(api: ApiClient, Name: string, more: object = {}): Promise<string> {
  return (await api.ok("POST", "/networks/create", { json: { Name, ...more } })).Id;
}

/** Removes all networks of the user's; nobody may be on them any more. */
export async function clearNetworks(api: ApiClient): Promise<void> {
  const filters = JSON.stringify({ type: ["custom"] });
  const all = (await api.ok("GET", "/networks", { query: { filters } })) as Json[];
  for (const { Id } of all) await api.ok("DELETE", `/networks/${Id}`);
}

/** Of a create request: the instance is on this network, with these settings. */
export const on = (network: string, settings: object = {}) => ({
  HostConfig: { NetworkMode: network },
  NetworkingConfig: { EndpointsConfig: { [network]: settings } },
});
