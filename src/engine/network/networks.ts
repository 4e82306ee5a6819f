import { conflict, IsleError, invalid, notFound, unsupported } from "../../base/error.ts";
import { newId } from "../../base/id.ts";
import { contains, formatIpv4, formatSubnet, overlaps, parseIpv4, parseSubnet } from "../../base/ipv4.ts";
import { hasLabel } from "../../base/labels.ts";
import { now } from "../../base/time.ts";
import { type InstanceRecord, isRunning } from "../../core/instance.ts";
import type { NetworkRecord } from "../../core/network.ts";
import type { InstanceDeps } from "../instance/deps.ts";

export const networkFilters = ["dangling", "driver", "id", "label", "name", "scope", "type"] as const;
export const networkPruneFilters = ["until", "label", "label!"] as const;

export interface CreateNetworkRequest {
  readonly name: string;
  readonly driver: string;
  readonly subnet: string | undefined;
  readonly gateway: string | undefined;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
}

export function findNetwork({ networks }: Pick<InstanceDeps, "networks">, text: string): NetworkRecord {
  const found = networks.get(text) ?? networks.byName(text);
  if (found) return found;
  const byPrefix = networks.list().filter(({ id }) => id.startsWith(text));
  if (byPrefix.length > 1)
    throw invalid(`network ${text} is ambiguous (${byPrefix.length} matches found on ID prefix)`);
  if (!byPrefix[0]) throw notFound(`network ${text} not found`);
  return byPrefix[0];
}

/** One at a time: two may not get one name, subnet or bridge. */
export function createNetwork(deps: InstanceDeps, request: CreateNetworkRequest): Promise<NetworkRecord> {
  return deps.locks.run("networks", () => create(deps, request));
}

async function create(deps: InstanceDeps, request: CreateNetworkRequest): Promise<NetworkRecord> {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(request.name)) throw invalid(`invalid network name: ${request.name}`);
  if (deps.networks.byName(request.name)) throw conflict(`network with name ${request.name} already exists`);
  if (request.driver !== "bridge") {
    throw new IsleError("notFound", `could not find plugin ${request.driver} in v1 plugin registry: plugin not found`, {
      hint: "the driver bridge is available",
    });
  }
  const taken = deps.networks.list().flatMap(({ subnet }) => (subnet ? [subnet] : []));
  const subnet = request.subnet ? checkedSubnet(request.subnet, taken) : await deps.networkDriver.pickSubnet(taken);
  const id = newId();
  const network: NetworkRecord = {
    id,
    name: request.name,
    driver: "bridge",
    createdAt: now(),
    bridge: bridgeName(deps, request.options["com.docker.network.bridge.name"]) ?? `br-${id.slice(0, 12)}`,
    subnet,
    gateway: gatewayIn(subnet, request.gateway),
    labels: request.labels,
    options: request.options,
    internal: request.internal,
    attachable: request.attachable,
    predefined: false,
  };
  // Recorded first: what a crash leaves of the bridge is completed by the next start.
  deps.networks.put(network);
  try {
    await deps.networkDriver.create(network);
  } catch (error) {
    deps.networks.remove(id);
    await deps.networkDriver.remove(network).catch(() => undefined);
    throw error;
  }
  publish(deps, network, "create");
  return network;
}

/** A name for an interface that is not there yet: somebody else's would be changed, and gone with the network. */
function bridgeName({ networks, machine }: InstanceDeps, name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,14}$/.test(name)) throw invalid(`invalid bridge name: ${JSON.stringify(name)}`);
  const interfaces = (machine.readText("/proc/net/dev") ?? "").split("\n").map((line) => line.split(":")[0]!.trim());
  if (interfaces.includes(name) || networks.list().some(({ bridge }) => bridge === name)) {
    throw conflict(`an interface ${name} exists already`, { hint: "choose another com.docker.network.bridge.name" });
  }
  return name;
}

function checkedSubnet(text: string, taken: readonly string[]): string {
  if (text.includes(":")) throw unsupported(`IPv6 subnets are not supported: ${text}`);
  const subnet = parseSubnet(text);
  if (subnet.prefixLength < 8 || subnet.prefixLength > 30) {
    throw invalid(`invalid subnet ${text}: its prefix must be from 8 to 30 bits long`);
  }
  if (taken.some((other) => overlaps(subnet, parseSubnet(other)))) {
    throw new IsleError("forbidden", "invalid pool request: Pool overlaps with other one on this address space");
  }
  return formatSubnet(subnet);
}

/** The given address, or the first of the subnet. */
export function gatewayIn(subnet: string, given?: string): string {
  if (given) {
    const address = parseIpv4(given);
    if (!contains(parseSubnet(subnet), address)) throw invalid(`no matching subnet for gateway ${given}`);
    return formatIpv4(address);
  }
  return formatIpv4(parseSubnet(subnet).base + 1);
}

function publish({ events }: InstanceDeps, network: NetworkRecord, action: string): void {
  const attributes = { name: network.name, type: network.driver };
  events.publish({ type: "network", action, actor: { id: network.id, attributes } });
}

/** Running instances on the network. */
export function membersOf({ instances }: Pick<InstanceDeps, "instances">, { id }: NetworkRecord): InstanceRecord[] {
  return instances
    .list()
    .filter((record) => isRunning(record) && record.state.endpoints.some((e) => e.networkId === id));
}

export async function removeNetwork(deps: InstanceDeps, text: string): Promise<void> {
  const network = findNetwork(deps, text);
  if (network.predefined) {
    throw new IsleError("forbidden", `${network.name} is a pre-defined network and cannot be removed`);
  }
  const members = membersOf(deps, network);
  if (members.length > 0) {
    throw new IsleError(
      "forbidden",
      `error while removing network: network ${network.name} has active endpoints (${members.map(({ name }) => `name:"${name}"`).join(", ")})`,
    );
  }
  await deps.networkDriver.remove(network);
  deps.networks.remove(network.id);
  publish(deps, network, "destroy");
}

export async function pruneNetworks(deps: InstanceDeps): Promise<string[]> {
  const used = new Set(deps.instances.list().map(({ host }) => host.NetworkMode));
  const doomed = deps.networks
    .list()
    .filter(({ id, name, predefined }) => !predefined && !used.has(name) && !used.has(id));
  for (const { id } of doomed) await removeNetwork(deps, id);
  deps.events.publish({ type: "network", action: "prune", actor: { id: "", attributes: { reclaimed: "0" } } });
  return doomed.map(({ name }) => name);
}

export function listNetworks(deps: InstanceDeps, filters: ReadonlyMap<string, readonly string[]>): NetworkRecord[] {
  const tests = [...filters].map(([name, values]) => networkTest(deps, name, values));
  return deps.networks.list().filter((network) => tests.every((test) => test(network)));
}

function networkTest(deps: InstanceDeps, name: string, values: readonly string[]): (n: NetworkRecord) => boolean {
  const any = (test: (network: NetworkRecord, value: string) => boolean) => (network: NetworkRecord) =>
    values.some((value) => test(network, value));
  switch (name) {
    case "driver":
      return any((network, value) => shownDriver(network) === value);
    case "id":
      return any((network, value) => network.id.startsWith(value));
    case "name":
      return any((network, value) => network.name.includes(value));
    case "label":
      return (network) => values.every((value) => hasLabel(network.labels, value));
    case "type":
      return any((network, value) => (value === "builtin") === network.predefined);
    case "dangling":
      return any(
        (network, value) => (value === "true") === (!network.predefined && membersOf(deps, network).length === 0),
      );
    default:
      return any((_, value) => value === "local");
  }
}

export const shownDriver = ({ driver }: NetworkRecord): string => (driver === "none" ? "null" : driver);
