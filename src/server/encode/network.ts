import type { IPAMConfig, Network } from "../../api/generated/engine-api.ts";
import { familyOf } from "../../base/ip.ts";
import { isRunning } from "../../core/instance.ts";
import type { NetworkPool, NetworkRecord } from "../../core/network.ts";
import type { InstanceDeps } from "../../engine/instance/deps.ts";
import { membersOf, shownDriver } from "../../engine/network/networks.ts";

/** One network, with its running members when somebody looks at it alone. */
export function encodeNetwork(deps: InstanceDeps, network: NetworkRecord, withMembers: boolean): Network {
  const has = (family: 4 | 6) => network.pools.some(({ subnet }) => familyOf(subnet) === family);
  return {
    Name: network.name,
    Id: network.id,
    Created: network.createdAt,
    Scope: "local",
    Driver: shownDriver(network),
    EnableIPv4: network.pools.length === 0 || has(4),
    EnableIPv6: has(6),
    IPAM: { Driver: "default", Options: null, Config: network.pools.map(encodePool) },
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

const encodePool = ({ subnet, gateway, range, reserved }: NetworkPool): IPAMConfig => ({
  Subnet: subnet,
  ...(range && { IPRange: range }),
  Gateway: gateway,
  ...(reserved && { AuxiliaryAddresses: { ...reserved } }),
});

function encodeMembers(deps: InstanceDeps, network: NetworkRecord): NonNullable<Network["Containers"]> {
  const members = membersOf(deps, network).flatMap((record) => {
    const endpoint = isRunning(record) ? record.state.endpoints.find((e) => e.networkId === network.id) : undefined;
    if (!endpoint) return [];
    const shown = {
      Name: record.name,
      EndpointID: endpoint.endpointId,
      MacAddress: endpoint.mac,
      IPv4Address: endpoint.address && `${endpoint.address}/${endpoint.prefixLength}`,
      IPv6Address: endpoint.address6 && `${endpoint.address6}/${endpoint.prefixLength6}`,
    };
    return [[record.id, shown] as const];
  });
  return Object.fromEntries(members);
}
