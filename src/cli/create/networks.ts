import type { EndpointSettings } from "../../api/generated/engine-api.ts";
import { usageError } from "../exit.ts";
import type { FlagValues } from "../flags/flag.ts";
import { splitOnce } from "../split-once.ts";
import type { ContainerFlags } from "./container-flags.ts";
import { csvFields } from "./mounts.ts";

export interface NetworkPlan {
  readonly NetworkMode: string;
  readonly EndpointsConfig: Record<string, EndpointSettings>;
}

type Flags = FlagValues<ContainerFlags>;

/** What `--network`, which may repeat, and the flags about the first network ask for. */
export function networkPlan(flags: Flags): NetworkPlan {
  const written = [...flags.network, ...flags.net];
  const attachments = (written.length === 0 ? ["default"] : written).map(parseAttachment);
  const endpoints: Record<string, EndpointSettings> = {};
  attachments.forEach(({ name, settings }, index) => {
    if (Object.hasOwn(endpoints, name)) throw usageError(`network "${name}" is specified multiple times`);
    const isFirst = index === 0;
    if (attachments.length > 1 && !isUserDefined(name)) {
      throw usageError(`conflicting options: cannot attach both user-defined and non-user-defined network-modes`);
    }
    const full = isFirst ? withFlags(name, settings, flags) : settings;
    const saysNothing = written.length === 1 && Object.keys(full).length === 0;
    if (!saysNothing) endpoints[name] = full;
  });
  return { NetworkMode: attachments[0]!.name, EndpointsConfig: endpoints };
}

const isUserDefined = (name: string): boolean =>
  !["default", "bridge", "host", "none"].includes(name) && !name.startsWith("container:");

function parseAttachment(text: string): { name: string; settings: EndpointSettings } {
  if (!/^[\w-]+=/.test(text)) return { name: text, settings: {} };
  const settings: EndpointSettings = {};
  let name = "";
  for (const field of csvFields(text)) {
    const [key, value] = splitOnce(field, "=");
    if (value === undefined) throw usageError(`invalid field ${field}: want key=value`);
    if (key.toLowerCase() === "name") name = value;
    else setField(settings, key.toLowerCase(), value.trim());
  }
  if (name === "") throw usageError(`network name or id is required in --network ${text}`);
  return { name, settings };
}

function setField(settings: EndpointSettings, key: string, value: string): void {
  if (key === "alias") settings.Aliases = [...(settings.Aliases ?? []), value];
  else if (key === "ip") settings.IPAMConfig = { ...settings.IPAMConfig, IPv4Address: value };
  else if (key === "ip6") settings.IPAMConfig = { ...settings.IPAMConfig, IPv6Address: value };
  else if (key === "mac-address") settings.MacAddress = value;
  else if (key === "link-local-ip") {
    settings.IPAMConfig = {
      ...settings.IPAMConfig,
      LinkLocalIPs: [...(settings.IPAMConfig?.LinkLocalIPs ?? []), value],
    };
  } else if (key === "driver-opt") {
    const [name, option = ""] = splitOnce(value, "=");
    settings.DriverOpts = { ...settings.DriverOpts, [name.toLowerCase()]: option };
  } else if (key === "gw-priority") settings.GwPriority = Number(value);
  else throw usageError(`invalid field key ${key} in --network`);
}

function withFlags(name: string, settings: EndpointSettings, flags: Flags): EndpointSettings {
  const aliases = [...flags["network-alias"], ...flags["net-alias"]];
  refuseTwice(settings, flags, aliases);
  const links = isUserDefined(name) ? flags.link : [];
  if (aliases.length > 0 && !isUserDefined(name)) {
    throw usageError("network-scoped aliases are only supported for user-defined networks");
  }
  const address = ipam(flags);
  return {
    ...settings,
    ...(aliases.length > 0 && { Aliases: aliases }),
    ...(links.length > 0 && { Links: [...links] }),
    ...(flags["mac-address"] !== "" && { MacAddress: flags["mac-address"] }),
    ...(address !== undefined && { IPAMConfig: { ...settings.IPAMConfig, ...address } }),
  };
}

function ipam(flags: Flags): EndpointSettings["IPAMConfig"] | undefined {
  const address = {
    ...(flags.ip !== "" && { IPv4Address: flags.ip }),
    ...(flags.ip6 !== "" && { IPv6Address: flags.ip6 }),
    ...(flags["link-local-ip"].length > 0 && { LinkLocalIPs: [...flags["link-local-ip"]] }),
  };
  return Object.keys(address).length === 0 ? undefined : address;
}

/** What the long form of `--network` says may not be said by a flag too. */
function refuseTwice(settings: EndpointSettings, flags: Flags, aliases: readonly string[]): void {
  const clashes = [
    ["alias", "--network-alias", settings.Aliases?.length && aliases.length],
    ["ip", "--ip", settings.IPAMConfig?.IPv4Address && flags.ip],
    ["ip6", "--ip6", settings.IPAMConfig?.IPv6Address && flags.ip6],
    ["mac-address", "--mac-address", settings.MacAddress && flags["mac-address"]],
    ["link-local-ip", "--link-local-ip", settings.IPAMConfig?.LinkLocalIPs?.length && flags["link-local-ip"].length],
  ] as const;
  const clash = clashes.find(([, , both]) => both);
  if (clash) throw usageError(`conflicting options: cannot specify both ${clash[1]} and per-network ${clash[0]}`);
}

/** What isle knows of networks beyond Docker goes by labels, so that other clients and Compose files can say it too. */
export function networkLabels(flags: Flags): Record<string, string> {
  const egress = flags["network-egress"];
  return {
    ...(egress.length > 0 && { "isle.egress.allow": egress.filter((rule) => rule !== "none").join(";") }),
    ...(flags["network-rate-in"] !== "" && { "isle.network.rate-in": flags["network-rate-in"] }),
    ...(flags["network-rate-out"] !== "" && { "isle.network.rate-out": flags["network-rate-out"] }),
  };
}
