import type { EndpointSettings } from "../../api/generated/engine-api.ts";
import { conflict, notFound } from "../../base/error.ts";
import { normalIp } from "../../base/ip.ts";
import type { Undo } from "../../base/undo.ts";
import { type Endpoint, type InstanceRecord, isRunning } from "../../core/instance.ts";
import type { JoinRequest, NetworkRecord } from "../../core/network.ts";
import { egressOfLabels, rateOfLabels } from "../network/parse-policy.ts";
import type { InstanceDeps } from "./deps.ts";
import { publishNetworkEvent } from "./events.ts";
import { findInstance, procOf } from "./find.ts";
import { refuseJoiningGuest } from "./guest.ts";
import { publishRequests } from "./ports.ts";
import { interfaceNameOption } from "./validate-text.ts";

/** The network namespace an instance starts in; undefined path for the host's. */
export interface Joined {
  readonly netns: string | undefined;
  readonly endpoints: readonly Endpoint[];
  /** Instance whose namespace, hosts file and resolver settings are shared. */
  readonly sharedWith?: InstanceRecord;
}

/** With `before`, it gets the addresses and ports back that it had there. */
export async function joinNetwork(
  deps: InstanceDeps,
  record: InstanceRecord,
  undo: Undo,
  before: readonly Endpoint[] = [],
): Promise<Joined> {
  const mode = record.host.NetworkMode ?? "bridge";
  if (mode === "host") return { netns: undefined, endpoints: [] };
  if (mode.startsWith("container:")) return shareNetwork(deps, mode.slice("container:".length));
  undo.add(() => deps.networkDriver.detach(record.id));
  const joins = record.config.NetworkDisabled ? [] : joinRequests(deps, record).map((join) => asBefore(join, before));
  const owner = record.users?.namespace;
  if (joins.length === 0) return { netns: await deps.networkDriver.isolated(record.id, owner), endpoints: [] };
  const { netns, endpoints } = await deps.networkDriver.attach({
    instanceId: record.id,
    instanceName: record.name,
    joins,
    ports: before.length > 0 ? before.flatMap(publishedBefore) : publishRequests(record.config, record.host),
    owner,
  });
  for (const endpoint of endpoints) publishNetworkEvent(deps, "connect", endpoint, record.id);
  return { netns, endpoints };
}

function asBefore(join: JoinRequest, before: readonly Endpoint[]): JoinRequest {
  const there = before.find(({ networkId }) => networkId === join.network.id);
  if (!there) return join;
  return { ...join, addresses: [there.address, there.address6].filter((text) => text !== ""), mac: there.mac };
}

const publishedBefore = ({ ports }: Endpoint) =>
  ports.map(({ hostPort, ...port }) => ({ ...port, hostPort: { first: hostPort, last: hostPort } }));

function shareNetwork(deps: InstanceDeps, text: string): Joined {
  const other = findInstance(deps, text);
  if (!isRunning(other))
    throw conflict(
      `cannot join network namespace of a non running container: container ${other.name} is ${other.state.status}`,
    );
  refuseJoiningGuest(deps, other, "network");
  const shared = { endpoints: [], sharedWith: other };
  if (other.host.NetworkMode === "host") return { netns: undefined, ...shared };
  return { netns: `${procOf(deps, other)}/ns/net`, ...shared };
}

function joinRequests(deps: InstanceDeps, record: InstanceRecord): JoinRequest[] {
  return Object.entries(record.networks)
    .filter(([name]) => name !== "none")
    .map(([name, settings], index) => {
      const network = deps.networks.byName(name);
      if (!network) throw notFound(`network ${name} not found`);
      const request = joinRequest(record, network, settings);
      return index === 0 ? { ...request, mac: request.mac || record.config.MacAddress || undefined } : request;
    });
}

/** What an endpoint's settings ask of the network. */
export function joinRequest(record: InstanceRecord, network: NetworkRecord, settings: EndpointSettings): JoinRequest {
  const { IPv4Address, IPv6Address } = settings.IPAMConfig ?? {};
  return {
    network,
    addresses: [IPv4Address, IPv6Address].flatMap((address) => (address ? [normalIp(address)] : [])),
    linkLocal: settings.IPAMConfig?.LinkLocalIPs?.map(normalIp),
    interfaceName: settings.DriverOpts?.[interfaceNameOption] ?? undefined,
    mac: settings.MacAddress || undefined,
    gatewayPriority: settings.GwPriority ?? 0,
    tags: tagsOf(record, settings.Aliases ?? []),
    egress: egressOfLabels(record.config.Labels),
    rate: rateOfLabels(record.config.Labels),
  };
}

/** What rules of a network call an instance. */
export function tagsOf({ name, config }: InstanceRecord, aliases: readonly string[]): string[] {
  const labels = Object.entries(config.Labels ?? {}).map(([key, value]) => `label=${key}=${value ?? ""}`);
  return [...new Set([name, ...aliases, ...labels])];
}
