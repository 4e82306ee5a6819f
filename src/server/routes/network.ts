import type { EndpointSettings, IPAMConfig, Network } from "../../api/generated/engine-api.ts";
import { invalid, notFound, unsupported } from "../../base/error.ts";
import type { InstanceDeps } from "../../engine/instance/deps.ts";
import { connectInstance, disconnectInstance } from "../../engine/network/connect.ts";
import { createNetwork } from "../../engine/network/create-network.ts";
import type { PoolRequest } from "../../engine/network/ipam.ts";
import {
  findNetwork,
  listNetworks,
  networkFilters,
  networkPruneFilters,
  pruneNetworks,
  removeNetwork,
} from "../../engine/network/networks.ts";
import { encodeNetwork } from "../encode/network.ts";
import { empty, json, type Route } from "../exchange.ts";
import { readObject, shapeOf } from "../json-body.ts";

type Handler = Route<InstanceDeps>["handle"];

const list: Handler = ({ query }, deps) => {
  const networks = listNetworks(deps, query.filters(networkFilters));
  return json(
    200,
    networks.map((network) => encodeNetwork(deps, network, false)),
  );
};

const inspect: Handler = ({ params, query }, deps) => {
  const scope = query.text("scope") || "local";
  if (scope !== "local") throw notFound(`network ${params["id"]} not found`);
  return json(200, encodeNetwork(deps, findNetwork(deps, params["id"]!), true));
};

type CreateBody = Network & { CheckDuplicate?: boolean | null };

const create: Handler = async (exchange, deps) => {
  const body = await readObject<CreateBody>(exchange, shapeOf("Network"));
  if (!body.Name) throw invalid("network name cannot be empty");
  refuseUnsupported(body);
  const network = await createNetwork(deps, {
    name: body.Name,
    driver: body.Driver || "bridge",
    ipam: {
      pools: (body.IPAM?.Config ?? []).map(poolRequest),
      ipv4: body.EnableIPv4 ?? true,
      ipv6: body.EnableIPv6 ?? false,
    },
    internal: body.Internal ?? false,
    attachable: body.Attachable ?? false,
    labels: texts(body.Labels),
    options: texts(body.Options),
  });
  return json(201, { Id: network.id, Warning: deps.networkDriver.overlappingRoutes(network).join("; ") });
};

function refuseUnsupported({ IPAM: ipam, ConfigOnly, ConfigFrom, Ingress, Scope }: CreateBody): void {
  if (ipam?.Driver && ipam.Driver !== "default") {
    throw notFound(`error looking up IPAM plugin ${ipam.Driver}: plugin "${ipam.Driver}" not found`);
  }
  if (ConfigOnly || ConfigFrom?.Network)
    throw unsupported("networks that take their settings from others are not supported");
  if (Ingress || (Scope && Scope !== "local")) throw unsupported("networks of a swarm are not supported");
}

const poolRequest = (config: IPAMConfig): PoolRequest => ({
  subnet: config.Subnet ?? "",
  range: config.IPRange ?? "",
  gateway: config.Gateway ?? "",
  reserved: texts(config.AuxiliaryAddresses),
});

const texts = (map: Record<string, string | null> | null | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries(map ?? {}).map(([key, value]) => [key, value ?? ""]));

const remove: Handler = async ({ params }, deps) => {
  await removeNetwork(deps, params["id"]!);
  return empty(204);
};

const prune: Handler = async ({ query }, deps) => {
  const names = await pruneNetworks(deps, query.filters(networkPruneFilters));
  return json(200, { NetworksDeleted: names.length > 0 ? names : null });
};

const memberShape = {
  type: "object",
  properties: {
    Container: { type: "string" },
    Force: { type: "boolean" },
    EndpointConfig: shapeOf("EndpointSettings"),
  },
};

interface MemberBody {
  readonly Container?: string | null;
  readonly EndpointConfig?: EndpointSettings | null;
}

const connect: Handler = async (exchange, deps) => {
  const body = await readObject<MemberBody>(exchange, memberShape);
  await connectInstance(deps, exchange.params["id"]!, containerOf(body), body.EndpointConfig ?? {});
  return empty(200);
};

const disconnect: Handler = async (exchange, deps) => {
  const body = await readObject<MemberBody>(exchange, memberShape);
  await disconnectInstance(deps, exchange.params["id"]!, containerOf(body));
  return empty(200);
};

function containerOf({ Container }: MemberBody): string {
  if (!Container) throw invalid("container cannot be empty");
  return Container;
}

export const networkRoutes: ReadonlyArray<Route<InstanceDeps>> = [
  { method: "GET", path: "/networks", handle: list },
  { method: "POST", path: "/networks/create", handle: create },
  { method: "POST", path: "/networks/prune", handle: prune },
  { method: "POST", path: "/networks/{id}/connect", handle: connect },
  { method: "POST", path: "/networks/{id}/disconnect", handle: disconnect },
  { method: "GET", path: "/networks/{id}", handle: inspect },
  { method: "DELETE", path: "/networks/{id}", handle: remove },
];
