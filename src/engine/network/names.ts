import { shortId } from "../../base/id.ts";
import { contains, isIp, normalIp, parseBlock, parseIp } from "../../base/ip.ts";
import { type Endpoint, type InstanceRecord, isRunning } from "../../core/instance.ts";
import type { NameAsker, NameSource } from "../../core/names.ts";
import type { NetworkRecord } from "../../core/network.ts";
import type { InstanceDeps } from "../instance/deps.ts";
import { answersNames, nameServersFor } from "../instance/network-files.ts";

type Deps = Pick<InstanceDeps, "instances" | "networks" | "machine" | "settings">;
type SourceDeps = Deps & Pick<InstanceDeps, "networkDriver">;

interface Member {
  readonly record: InstanceRecord;
  readonly endpoint: Endpoint;
}

/** Names are told from the records of running instances, so that a start, a stop or a rename counts at once. */
export function createNameSource(deps: SourceDeps): NameSource {
  return {
    asker(networkId, address) {
      const wanted = normalOrEmpty(address);
      const asker = membersOn(deps, networkId).find(({ endpoint }) => hasAddress(endpoint, wanted));
      return asker && askerFor(deps, asker.record);
    },
  };
}

function askerFor(deps: SourceDeps, record: InstanceRecord): NameAsker {
  const endpoints = isRunning(record) ? record.state.endpoints : [];
  const networks = endpoints.flatMap(({ networkId }) => {
    const network = deps.networks.get(networkId);
    return network && answersNames(network) ? [network] : [];
  });
  return {
    addresses(name) {
      const linked = linkedAddresses(deps, record, networks, name);
      if (linked) return linked;
      const found = networks.flatMap((network) => addressesOn(deps, network, name));
      return found.length > 0 ? found : undefined;
    },
    nameOf(address) {
      const network = networks.find(({ pools }) =>
        pools.some(({ subnet }) => contains(parseBlock(subnet), parseIp(address))),
      );
      if (!network) return undefined;
      const wanted = normalOrEmpty(address);
      const member = membersOn(deps, network.id).find(({ endpoint }) => hasAddress(endpoint, wanted));
      return member ? `${member.record.name}.${network.name}` : "";
    },
    follows: (name) => deps.networkDriver.followsName(record.id, name),
    learn: (name, addresses) => deps.networkDriver.learnName(record.id, name, addresses),
    servers: () => {
      const hasWayOut = endpoints.some(({ gateway, gateway6 }) => gateway !== "" || gateway6 !== "");
      return hasWayOut ? nameServersFor(deps, record, { forEngine: true }) : [];
    },
  };
}

/** A name, or a name with the network's behind a dot. */
function addressesOn(deps: Deps, network: NetworkRecord, name: string): string[] {
  const suffix = `.${network.name.toLowerCase()}`;
  const bare = name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
  return membersOn(deps, network.id)
    .filter(({ record }) => dnsNames(record, network.name).some((each) => [name, bare].includes(each.toLowerCase())))
    .flatMap(({ endpoint }) => [endpoint.address, endpoint.address6].filter(Boolean));
}

/** Names that only this instance knows, given to others by its links. */
function linkedAddresses(
  deps: Deps,
  record: InstanceRecord,
  networks: readonly NetworkRecord[],
  name: string,
): string[] | undefined {
  for (const network of networks) {
    for (const link of record.networks[network.name]?.Links ?? []) {
      const [target = "", alias = target] = link.replace(/^\//, "").split(":");
      if (alias.toLowerCase() !== name) continue;
      const found = addressesOn(deps, network, target.toLowerCase());
      if (found.length > 0) return found;
    }
  }
  return undefined;
}

/** The names of an instance on a network of the user's: its own, its aliases there, its short id, its host name. */
export function dnsNames(record: InstanceRecord, networkName: string): string[] {
  const aliases = record.networks[networkName]?.Aliases ?? [];
  const host = record.config.Hostname ? [record.config.Hostname] : [];
  return [...new Set([record.name, ...aliases, shortId(record.id), ...host])];
}

/** The running instance that has an address. */
export function memberWith(deps: Pick<InstanceDeps, "instances">, address: string): Member | undefined {
  const wanted = normalOrEmpty(address);
  for (const record of deps.instances.list()) {
    const endpoint = isRunning(record) ? record.state.endpoints.find((each) => hasAddress(each, wanted)) : undefined;
    if (endpoint) return { record, endpoint };
  }
  return undefined;
}

function membersOn({ instances }: Deps, networkId: string): Member[] {
  return instances.list().flatMap((record) => {
    const endpoint = isRunning(record)
      ? record.state.endpoints.find((each) => each.networkId === networkId)
      : undefined;
    return endpoint ? [{ record, endpoint }] : [];
  });
}

const normalOrEmpty = (text: string): string => (isIp(text) ? normalIp(text) : "");

const hasAddress = ({ address, address6 }: Endpoint, wanted: string): boolean =>
  wanted !== "" && (address === wanted || address6 === wanted);
