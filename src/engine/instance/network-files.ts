import { contains, parseBlock, parseIp } from "../../base/ip.ts";
import type { Endpoint, InstanceRecord } from "../../core/instance.ts";
import type { NetworkRecord } from "../../core/network.ts";
import type { InstanceDeps } from "./deps.ts";
import { findInstance } from "./find.ts";

const fixedHosts = [
  "127.0.0.1\tlocalhost",
  "::1\tlocalhost ip6-localhost ip6-loopback",
  "fe00::\tip6-localnet",
  "ff00::\tip6-mcastprefix",
  "ff02::1\tip6-allnodes",
  "ff02::2\tip6-allrouters",
];

/** /etc/hosts: the host's own in host mode, else the loopback names, extra hosts, links and the instance itself. */
export function hostsFile(deps: InstanceDeps, record: InstanceRecord, endpoints: readonly Endpoint[]): string {
  const gateway = endpoints.map((endpoint) => endpoint.gateway || endpoint.gateway6).find(Boolean) ?? "127.0.0.1";
  const extra = (record.host.ExtraHosts ?? []).map((entry) => {
    const colon = entry.indexOf(":");
    const address = entry.slice(colon + 1).replace(/^\[|\]$/g, "");
    return `${address === "host-gateway" ? gateway : address}\t${entry.slice(0, colon)}`;
  });
  if (record.host.NetworkMode === "host") {
    return [(deps.machine.readText("/etc/hosts") ?? "").trimEnd(), ...extra, ""].join("\n");
  }
  const own = endpoints.flatMap((endpoint) => ownHosts(record, endpoint));
  return [...fixedHosts, ...extra, ...linkLines(deps, record), ...own, ""].join("\n");
}

/** The lines of /etc/hosts with which an endpoint names the instance itself. */
export function ownHosts({ config }: InstanceRecord, { address, address6 }: Endpoint): string[] {
  const { Hostname: hostname = "", Domainname: domain } = config;
  const names = domain ? `${hostname}.${domain} ${hostname}` : hostname;
  return [address, address6].filter(Boolean).map((each) => `${each}\t${names}`);
}

/** Links name running instances of the same network, by alias, hostname and name. */
function linkLines(deps: InstanceDeps, record: InstanceRecord): string[] {
  return (record.host.Links ?? []).flatMap((link) => {
    const [name = "", alias = name] = link.replace(/^\//, "").split(":");
    const other = findInstance(deps, name);
    const address = "endpoints" in other.state ? other.state.endpoints[0]?.address : undefined;
    return address ? [`${address}\t${alias} ${other.config.Hostname} ${other.name}`] : [];
  });
}

/**
 * /etc/resolv.conf: on a network of the user's the engine's own name server, which knows the others and asks the
 * servers below for the rest; else the given servers, the engine's, or the host's.
 */
export function resolvConf(deps: InstanceDeps, record: InstanceRecord, endpoints: readonly Endpoint[]): string {
  const { DnsSearch, DnsOptions } = record.host;
  const host = parseResolvConf(deps.machine.readText("/etc/resolv.conf") ?? "");
  const reachable = nameServersFor(deps, record);
  const own = ownNameServer(deps, endpoints, reachable.length === 0);
  const search = firstGiven(DnsSearch, deps.settings.dnsSearch, host.search).filter((domain) => domain !== ".");
  const options = firstGiven(DnsOptions, deps.settings.dnsOptions, host.options);
  // A name without a dot may be an instance's: it is asked for as it is first.
  const dots = own && !options.some((option) => option.startsWith("ndots:")) ? ["ndots:0"] : [];
  const lines = [
    ...(own ? [own] : reachable).map((server) => `nameserver ${server}`),
    ...(search.length > 0 ? [`search ${search.join(" ")}`] : []),
    ...(options.length + dots.length > 0 ? [`options ${[...options, ...dots].join(" ")}`] : []),
  ];
  return `${lines.join("\n")}\n`;
}

/**
 * Servers that know the world's names for an instance. The loopback resolvers of the host cannot be reached from another
 * network namespace and are left out, unless it is the engine who asks.
 */
export function nameServersFor(
  { machine, settings }: Pick<InstanceDeps, "machine" | "settings">,
  { host }: InstanceRecord,
  { forEngine = false } = {},
): readonly string[] {
  const { servers } = parseResolvConf(machine.readText("/etc/resolv.conf") ?? "");
  const all = forEngine || host.NetworkMode === "host";
  const usable = all ? servers : servers.filter((server) => !/^(127\.|::1)/.test(server));
  return firstGiven(host.Dns, settings.dns, usable);
}

const firstGiven = (...lists: Array<readonly string[] | null | undefined>): readonly string[] =>
  lists.find((list) => list?.length) ?? [];

/**
 * Address of the engine's name server on the first network where it is needed: for the names of instances, to follow an
 * allow-list of names, or because the host's servers answer on loopback alone, where only the engine reaches them.
 */
function ownNameServer(
  { networks }: InstanceDeps,
  endpoints: readonly Endpoint[],
  anywhere: boolean,
): string | undefined {
  for (const { networkId, address, address6, egress } of endpoints) {
    const network = networks.get(networkId);
    const follows = egress !== undefined || network?.policy?.egress !== undefined;
    if (network?.driver !== "bridge" || !(answersNames(network) || follows || anywhere)) continue;
    const pool = network.pools.find(({ subnet }) => contains(parseBlock(subnet), parseIp(address || address6)));
    if (pool) return pool.gateway;
  }
  return undefined;
}

/** Only networks of the user's know names, as with Docker. */
export const answersNames = ({ predefined }: NetworkRecord): boolean => !predefined;

/** Reads resolv.conf(5). */
export function parseResolvConf(text: string): { servers: string[]; search: string[]; options: string[] } {
  const lines = text.split("\n").map((line) => line.trim().split(/\s+/));
  const after = (word: string) => lines.filter(([first]) => first === word).map((line) => line.slice(1));
  return {
    servers: after("nameserver").flatMap(([server]) => (server ? [server] : [])),
    search: (after("search").at(-1) ?? after("domain").at(-1) ?? []).filter(Boolean),
    options: after("options").flat(),
  };
}
