import type { Network } from "../../api/generated/engine-api.ts";
import { invalid, unsupported } from "../../base/error.ts";
import { isRunning } from "../../core/instance.ts";
import type { NetworkRecord } from "../../core/network.ts";
import type { InstanceDeps } from "../../engine/instance/deps.ts";
import {
  createNetwork,
  findNetwork,
  listNetworks,
  membersOf,
  networkFilters,
  networkPruneFilters,
  pruneNetworks,
  removeNetwork,
  shownDriver,
} from "../../engine/network/networks.ts";
import { empty, json, type Route } from "../exchange.ts";
import { readObject, shapeOf } from "../json-body.ts";

type Handler = Route<InstanceDeps>["handle"];

function encodeNetwork(deps: InstanceDeps, network: NetworkRecord, withMembers: boolean): Network {
  const config = network.subnet ? [{ Subnet: network.subnet, Gateway: network.gateway }] : [];
  return {
    Name: network.name,
    Id: network.id,
    Created: network.createdAt,
    Scope: "local",
    Driver: shownDriver(network),
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: { Driver: "default", Options: null, Config: config },
    Internal: network.internal,
    Attachable: network.attachable,
    Ingress: false,
    ConfigFrom: { Network: "" },
    ConfigOnly: false,
    Containers: withMembers ? encodeMembers(deps, network) : {},
    Options: { ...network.options },
    Labels: { ...network.labels },
  };
}

function encodeMembers(deps: InstanceDeps, network: NetworkRecord): NonNullable<Network["Containers"]> {
  const members = membersOf(deps, network).flatMap((record) => {
    const endpoint = isRunning(record) ? record.state.endpoints.find((e) => e.networkId === network.id) : undefined;
    if (!endpoint) return [];
    const shown = {
      Name: record.name,
      EndpointID: endpoint.endpointId,
      MacAddress: endpoint.mac,
      IPv4Address: `${endpoint.address}/${endpoint.prefixLength}`,
      IPv6Address: "",
    };
    return [[record.id, shown] as const];
  });
  return Object.fromEntries(members);
}

const list: Handler = ({ query }, deps) => {
  const networks = listNetworks(deps, query.filters(networkFilters));
  return json(
    200,
    networks.map((network) => encodeNetwork(deps, network, false)),
  );
};

const inspect: Handler = ({ params }, deps) => json(200, encodeNetwork(deps, findNetwork(deps, params["id"]!), true));

type CreateBody = Network & { CheckDuplicate?: boolean | null };

const create: Handler = async (exchange, deps) => {
  const body = await readObject<CreateBody>(exchange, shapeOf("Network"));
  if (!body.Name) throw invalid("network name cannot be empty");
  if (body.EnableIPv6) throw unsupported("IPv6 networks are not supported");
  const configs = body.IPAM?.Config ?? [];
  if (configs.length > 1) throw unsupported("a network can have one subnet");
  const texts = (map: Record<string, string | null> | null | undefined) =>
    Object.fromEntries(Object.entries(map ?? {}).map(([key, value]) => [key, value ?? ""]));
  const network = await createNetwork(deps, {
    name: body.Name,
    driver: body.Driver || "bridge",
    subnet: configs[0]?.Subnet || undefined,
    gateway: configs[0]?.Gateway || undefined,
    internal: body.Internal ?? false,
    attachable: body.Attachable ?? false,
    labels: texts(body.Labels),
    options: texts(body.Options),
  });
  return json(201, { Id: network.id, Warning: "" });
};

const remove: Handler = async ({ params }, deps) => {
  await removeNetwork(deps, params["id"]!);
  return empty(204);
};

const prune: Handler = async ({ query }, deps) => {
  query.filters(networkPruneFilters);
  const names = await pruneNetworks(deps);
  return json(200, { NetworksDeleted: names.length > 0 ? names : null });
};

const liveChange: Handler = () => {
  throw unsupported("an instance's networks cannot be changed after its creation");
};

export const networkRoutes: ReadonlyArray<Route<InstanceDeps>> = [
  { method: "GET", path: "/networks", handle: list },
  { method: "POST", path: "/networks/create", handle: create },
  { method: "POST", path: "/networks/prune", handle: prune },
  { method: "POST", path: "/networks/{id}/connect", handle: liveChange },
  { method: "POST", path: "/networks/{id}/disconnect", handle: liveChange },
  { method: "GET", path: "/networks/{id}", handle: inspect },
  { method: "DELETE", path: "/networks/{id}", handle: remove },
];
