import { type Endpoint, type InstanceRecord, isRunning } from "../../core/instance.ts";
import type { NetworkRecord } from "../../core/network.ts";
import type { InstanceDeps } from "../instance/deps.ts";

/** One way by which something of an instance can be reached. */
export interface Exposure {
  readonly instance: string;
  /** Such as `80/tcp`; `all` where no single port is meant. */
  readonly port: string;
  /** Where: an address with its port, or what else stands for it. */
  readonly at: string;
  readonly from: "everywhere" | "this machine" | "network" | "neighbours";
  /** Name of the network that `from` means; empty else. */
  readonly network: string;
  /** What narrows it down, in words; empty for nothing of ours. */
  readonly limits: string;
}

/** What is reachable from where, by what this engine does; a firewall of the host's may narrow it further. */
export function listExposure({ instances, networks }: Pick<InstanceDeps, "instances" | "networks">): Exposure[] {
  return instances
    .list()
    .filter(isRunning)
    .flatMap((record) => [
      ...hostMode(record),
      ...record.state.endpoints.flatMap((endpoint) => {
        const network = networks.get(endpoint.networkId);
        return network ? [...published(record, endpoint, network), ...onNetwork(record, endpoint, network)] : [];
      }),
    ]);
}

function hostMode({ name, host }: InstanceRecord): Exposure[] {
  if (host.NetworkMode !== "host") return [];
  return [{ instance: name, port: "all", at: "the machine's addresses", from: "everywhere", network: "", limits: "" }];
}

function published(
  { name }: InstanceRecord,
  { ports, address, address6 }: Endpoint,
  network: NetworkRecord,
): Exposure[] {
  return ports.flatMap(({ containerPort, protocol, hostAddress, hostPort }) => {
    const any = [...(address ? ["0.0.0.0"] : []), ...(address6 ? ["[::]"] : [])];
    const hosts = hostAddress === "" ? any : [hostAddress.includes(":") ? `[${hostAddress}]` : hostAddress];
    return hosts.map((host) => ({
      instance: name,
      port: `${containerPort}/${protocol}`,
      at: `${host}:${hostPort}`,
      from: /^(127\.|\[::1\])/.test(host) ? ("this machine" as const) : ("everywhere" as const),
      network: "",
      limits: isRouted(network) ? "routed: at its own address too" : "",
    }));
  });
}

const isRouted = ({ options }: NetworkRecord): boolean =>
  [4, 6].some((family) => options[`com.docker.network.bridge.gateway_mode_ipv${family}`] === "routed");

function onNetwork({ name }: InstanceRecord, { address, address6 }: Endpoint, network: NetworkRecord): Exposure[] {
  const quiet = /^(false|0)$/i.test(network.options["com.docker.network.bridge.enable_icc"] ?? "");
  if (quiet) return [];
  const isBridge = network.driver === "bridge";
  return [
    {
      instance: name,
      port: "all",
      at: [address, address6].filter(Boolean).join(", "),
      from: isBridge ? "network" : "neighbours",
      network: network.name,
      limits: limitsOf(network),
    },
  ];
}

function limitsOf({ policy, driver, bridge }: NetworkRecord): string {
  if (driver !== "bridge") return `everybody on the network behind ${bridge}`;
  if (!policy?.inside) return "";
  const { otherwise, rules } = policy.inside;
  return `policy: ${rules.length} rules, else ${otherwise}`;
}
