import { isIP } from "node:net";
import type {
  ContainerConfig,
  EndpointIPAMConfig,
  EndpointSettings,
  HostConfig,
} from "../../api/generated/engine-api.ts";
import { invalid, unsupported } from "../../base/error.ts";
import { isIp } from "../../base/ip.ts";

interface Options {
  readonly config: ContainerConfig;
  readonly host: HostConfig;
  readonly networks: Readonly<Record<string, EndpointSettings>>;
}

/**
 * Refuses texts that would be something else where they end up: lines of their own in the files of the network, a path
 * out of the control groups, an order to the runtime.
 */
export function validateText({ config, host, networks }: Options): void {
  checkWord(config.Hostname, (text) => `invalid hostname format: ${text}`);
  checkWord(config.Domainname, (text) => `invalid domainname format: ${text}`);
  for (const server of host.Dns ?? []) {
    if (isIP(server) === 0) throw invalid(`invalid DNS server: ${JSON.stringify(server)} is not an IP address`);
  }
  for (const domain of host.DnsSearch ?? []) checkWord(domain, (text) => `${text} is not a valid domain`);
  for (const option of host.DnsOptions ?? []) checkWord(option, (text) => `invalid DNS option: ${text}`);
  for (const entry of host.ExtraHosts ?? []) checkWord(entry, (text) => `bad format for add-host: ${text}`);
  for (const link of host.Links ?? []) checkWord(link, (text) => `bad format for links: ${text}`);
  checkCgroupParent(host.CgroupParent ?? "");
  checkAnnotations(Object.keys(host.Annotations ?? {}));
  for (const endpoint of Object.values(networks)) validateEndpoint(endpoint);
}

/** Neither blanks nor control characters; empty is fine. */
function checkWord(text: string | null | undefined, message: (shown: string) => string): void {
  if (!/^[^\s\p{Cc}]*$/u.test(text ?? "")) throw invalid(message(JSON.stringify(text)));
}

function checkCgroupParent(path: string): void {
  if (!path.split("/").includes("..") && !/\p{Cc}/u.test(path)) return;
  throw invalid(`invalid cgroup parent: ${JSON.stringify(path)}`, {
    hint: "name a path below the root of the cgroups",
  });
}

/** The runtime takes orders by such annotations: programs to run, sockets to talk to, a filter instead of seccomp's. */
const runtimeOrder = /^(run\.oci\.|org\.systemd\.property\.|org\.criu\.|isle\.vm\.(image|disk|disk-size|ephemeral)$)/;

function checkAnnotations(names: readonly string[]): void {
  const order = names.find((name) => runtimeOrder.test(name));
  if (order) throw invalid(`invalid Annotations: ${order} is an order to the runtime, which only the engine gives`);
}

export const macPattern = /^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i;

export function validateEndpoint(endpoint: EndpointSettings | null): void {
  const { MacAddress: mac, IPAMConfig: ipam, Aliases: aliases, Links: links, DriverOpts: options } = endpoint ?? {};
  if (mac && !macPattern.test(mac)) throw invalid(`invalid endpoint settings: invalid MAC address ${mac}`);
  checkAddresses(ipam ?? {});
  checkDriverOptions(options ?? {});
  for (const alias of aliases ?? []) checkWord(alias, (text) => `invalid endpoint settings: invalid alias ${text}`);
  for (const link of links ?? []) checkWord(link, (text) => `bad format for links: ${text}`);
}

function checkAddresses({ IPv4Address, IPv6Address, LinkLocalIPs }: EndpointIPAMConfig): void {
  const given = [
    ...(IPv4Address ? [[IPv4Address, "."] as const] : []),
    ...(IPv6Address ? [[IPv6Address, ":"] as const] : []),
    ...(LinkLocalIPs ?? []).map((address) => [address, ""] as const),
  ];
  const wrong = given.find(([address, mark]) => !isIp(address) || !address.includes(mark));
  if (wrong) throw invalid(`invalid endpoint settings: invalid IP address ${JSON.stringify(wrong[0])}`);
}

export const interfaceNameOption = "com.docker.network.endpoint.ifname";

/** Of an endpoint's driver options one is known; others would be without effect. */
function checkDriverOptions(options: Readonly<Record<string, string | null>>): void {
  const name = options[interfaceNameOption];
  if (typeof name === "string" && !/^[a-zA-Z][a-zA-Z0-9_.-]{0,14}$/.test(name)) {
    throw invalid(`invalid interface name: ${JSON.stringify(name)}`);
  }
  if (Object.hasOwn(options, "com.docker.network.endpoint.sysctls")) {
    throw unsupported("sysctls of an endpoint are not supported: set them with --sysctl");
  }
}
