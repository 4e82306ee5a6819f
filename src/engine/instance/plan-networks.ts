import type { EndpointSettings, HostConfig } from "../../api/generated/engine-api.ts";
import { invalid } from "../../base/error.ts";
import { contains, familyOf, parseBlock, parseIp } from "../../base/ip.ts";
import type { NetworkRecord } from "../../core/network.ts";
import type { InstanceDeps } from "./deps.ts";

type Settings = Readonly<Record<string, EndpointSettings>>;

/**
 * The networks that an instance joins, by name, the one of its network mode first. A network that is not there yet
 * keeps the name it was written with; it is looked for at each start.
 */
export function planNetworks(
  { networks }: Pick<InstanceDeps, "networks">,
  host: HostConfig,
  given: Settings,
): Settings {
  const mode = host.NetworkMode || "bridge";
  if (mode.startsWith("container:")) return {};
  const nameOf = (text: string) => {
    const wanted = text === "default" ? "bridge" : text;
    return (
      (networks.byName(wanted) ?? networks.list().find(({ id }) => wanted.length >= 12 && id.startsWith(wanted)))
        ?.name ?? wanted
    );
  };
  const first = nameOf(mode);
  const plan: Record<string, EndpointSettings> = { [first]: {} };
  for (const [text, settings] of Object.entries(given)) plan[nameOf(text)] = settings ?? {};
  for (const [name, settings] of Object.entries(plan)) checkEndpoint(networks.byName(name), settings);
  return plan;
}

/** Refuses what the network cannot give. */
export function checkEndpoint(network: NetworkRecord | undefined, settings: EndpointSettings): void {
  if (!network) return;
  const addresses = [settings.IPAMConfig?.IPv4Address, settings.IPAMConfig?.IPv6Address].filter((text) => !!text);
  if (network.predefined && addresses.length > 0) {
    throw invalid("invalid config for network: user specified IP address is supported on user defined networks only");
  }
  if (network.predefined && (settings.Aliases?.length ?? 0) > 0) {
    throw invalid("network-scoped alias is supported only for containers in user defined networks");
  }
  for (const address of addresses as string[]) {
    const fits = network.pools.some(({ subnet }) => contains(parseBlock(subnet), parseIp(address)));
    if (fits) continue;
    const none = !network.pools.some(({ subnet }) => familyOf(subnet) === familyOf(address));
    throw invalid(`invalid config for network ${network.name}: no configured subnet contains IP address ${address}`, {
      ...(none && { hint: `the network has no IPv${familyOf(address)}` }),
    });
  }
}
