import type { InstanceRecord } from "../../core/instance.ts";
import type { InstanceDeps } from "./deps.ts";
import { findInstance } from "./find.ts";
import type { Joined } from "./join-network.ts";

const fixedHosts = [
  "127.0.0.1\tlocalhost",
  "::1\tlocalhost ip6-localhost ip6-loopback",
  "fe00::\tip6-localnet",
  "ff00::\tip6-mcastprefix",
  "ff02::1\tip6-allnodes",
  "ff02::2\tip6-allrouters",
];

/** /etc/hosts: the host's own in host mode, else the loopback names, extra hosts, links and the instance itself. */
export function hostsFile(deps: InstanceDeps, record: InstanceRecord, { endpoint }: Joined): string {
  const gateway = endpoint?.gateway ?? "127.0.0.1";
  const extra = (record.host.ExtraHosts ?? []).map((entry) => {
    const colon = entry.indexOf(":");
    const address = entry.slice(colon + 1).replace(/^\[|\]$/g, "");
    return `${address === "host-gateway" ? gateway : address}\t${entry.slice(0, colon)}`;
  });
  if (record.host.NetworkMode === "host") {
    return [(deps.machine.readText("/etc/hosts") ?? "").trimEnd(), ...extra, ""].join("\n");
  }
  const { Hostname: hostname = "", Domainname: domain } = record.config;
  const names = domain ? `${hostname}.${domain} ${hostname}` : hostname;
  const own = endpoint ? [`${endpoint.address}\t${names}`] : [];
  return [...fixedHosts, ...extra, ...linkLines(deps, record), ...own, ""].join("\n");
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
 * /etc/resolv.conf: the given servers, else the engine's, else the host's. Loopback resolvers of the host cannot be
 * reached from another network namespace and are left out.
 */
export function resolvConf(deps: InstanceDeps, record: InstanceRecord): string {
  const { Dns, DnsSearch, DnsOptions } = record.host;
  const host = parseResolvConf(deps.machine.readText("/etc/resolv.conf") ?? "");
  const hostMode = record.host.NetworkMode === "host";
  const usable = hostMode ? host.servers : host.servers.filter((server) => !/^(127\.|::1)/.test(server));
  const pick = (...lists: Array<readonly string[] | null | undefined>) => lists.find((list) => list?.length) ?? [];
  const servers = pick(Dns, deps.settings.dns, usable);
  const search = pick(DnsSearch, deps.settings.dnsSearch, host.search).filter((domain) => domain !== ".");
  const options = pick(DnsOptions, deps.settings.dnsOptions, host.options);
  const lines = [
    ...servers.map((server) => `nameserver ${server}`),
    ...(search.length > 0 ? [`search ${search.join(" ")}`] : []),
    ...(options.length > 0 ? [`options ${options.join(" ")}`] : []),
  ];
  return `${lines.join("\n")}\n`;
}

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
