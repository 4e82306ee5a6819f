import { newId } from "../../../base/id.ts";
import { familyOf } from "../../../base/ip.ts";
import type { Endpoint } from "../../../core/instance.ts";
import type { JoinRequest, NetworkRecord } from "../../../core/network.ts";
import type { Netlink } from "../../../os/netlink.ts";
import { type AddressLeases, macOf } from "./addresses.ts";
import { setDefaultRoutes } from "./namespace.ts";
import { plug } from "./plug.ts";

export interface Joining {
  readonly netlink: Netlink;
  readonly leases: AddressLeases;
  readonly netns: string;
  /** Name inside. */
  readonly interface: string;
  readonly hostInterface: string;
}

/** Leases addresses and connects the namespace; nothing is left when it fails. */
export function join(joining: Joining, request: Omit<JoinRequest, "network">, network: NetworkRecord): Endpoint {
  const leases = joining.leases.take(request.addresses);
  const of = (family: 4 | 6) => leases.find(({ address }) => familyOf(address) === family);
  const [v4, v6] = [of(4), of(6)];
  const gateway = (lease: typeof v4) => (network.internal ? "" : (lease?.gateway ?? ""));
  const endpoint: Endpoint = {
    networkId: network.id,
    networkName: network.name,
    endpointId: newId(),
    interface: joining.interface,
    hostInterface: joining.hostInterface,
    address: v4?.address ?? "",
    prefixLength: v4?.prefixLength ?? 0,
    gateway: gateway(v4),
    address6: v6?.address ?? "",
    prefixLength6: v6?.prefixLength ?? 0,
    gateway6: gateway(v6),
    ...(request.linkLocal?.length && { linkLocal: request.linkLocal }),
    mac: request.mac ?? macOf((v4 ?? v6)!.address),
    gatewayPriority: request.gatewayPriority,
    tags: request.tags,
    ...(request.egress && { egress: request.egress }),
    ...(request.rate && { rate: request.rate }),
    ports: [],
  };
  try {
    plug(joining.netlink, joining.netns, endpoint, network);
  } catch (error) {
    for (const { address } of leases) joining.leases.release(address);
    throw error;
  }
  return endpoint;
}

/**
 * The endpoint that has the default route: the highest priority, then the first name, as Docker has it. Networks
 * without a way out never have it.
 */
export function gatewayEndpoint(endpoints: readonly Endpoint[]): Endpoint | undefined {
  return endpoints
    .filter(({ gateway, gateway6 }) => gateway !== "" || gateway6 !== "")
    .sort((a, b) => b.gatewayPriority - a.gatewayPriority || (a.networkName < b.networkName ? -1 : 1))[0];
}

/** Leads the default routes, and the published ports, over the endpoint that is to have them. */
export function settleGateway(netns: string, endpoints: readonly Endpoint[]): Endpoint[] {
  const chosen = gatewayEndpoint(endpoints);
  setDefaultRoutes(netns, chosen);
  const ports = endpoints.flatMap((endpoint) => endpoint.ports);
  return endpoints.map((endpoint) => ({ ...endpoint, ports: endpoint === chosen ? ports : [] }));
}

/** The next name of the row eth0, eth1, … that is free. */
export function freeInterfaceName(prefix: string, taken: readonly string[]): string {
  for (let i = 0; ; i += 1) if (!taken.includes(`${prefix}${i}`)) return `${prefix}${i}`;
}
