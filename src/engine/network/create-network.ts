import { conflict, IsleError, invalid } from "../../base/error.ts";
import { newId } from "../../base/id.ts";
import { isIp } from "../../base/ip.ts";
import { now } from "../../base/time.ts";
import type { NetworkRecord } from "../../core/network.ts";
import type { NetworkPolicy } from "../../core/network-policy.ts";
import type { InstanceDeps } from "../instance/deps.ts";
import { type IpamRequest, planPools } from "./ipam.ts";
import { publishNetwork, serveNames } from "./networks.ts";
import { egressOfLabels, insideOfLabels } from "./parse-policy.ts";

export interface CreateNetworkRequest {
  readonly name: string;
  readonly driver: string;
  readonly ipam: IpamRequest;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
}

/** One at a time: two may not get one name, subnet or bridge. */
export function createNetwork(deps: InstanceDeps, request: CreateNetworkRequest): Promise<NetworkRecord> {
  return deps.locks.run("networks", () => create(deps, request));
}

async function create(deps: InstanceDeps, request: CreateNetworkRequest): Promise<NetworkRecord> {
  const driver = validate(deps, request);
  const taken = deps.networks.list().flatMap(({ pools }) => pools.map(({ subnet }) => subnet));
  const policy = policyOfLabels(request.labels);
  const id = newId();
  const network: NetworkRecord = {
    id,
    name: request.name,
    driver,
    createdAt: now(),
    bridge: driver === "bridge" ? bridgeName(deps, request.options[bridgeNameOption], id) : parentOf(request.options),
    pools: await planPools(request.ipam, { taken, pickSubnet: deps.networkDriver.pickSubnet.bind(deps.networkDriver) }),
    labels: request.labels,
    options: request.options,
    internal: request.internal,
    attachable: request.attachable,
    ...(policy && { policy }),
    predefined: false,
  };
  // Recorded first: what a crash leaves of the bridge is completed by the next start.
  deps.networks.put(network);
  try {
    await deps.networkDriver.create(network);
    await serveNames(deps, network);
  } catch (error) {
    deps.networks.remove(id);
    await deps.names.forget(id);
    await deps.networkDriver.remove(network).catch(() => undefined);
    throw error;
  }
  publishNetwork(deps, network, "create");
  return network;
}

const drivers = ["bridge", "macvlan", "ipvlan"] as const;

function validate(deps: InstanceDeps, { name, driver, options }: CreateNetworkRequest): (typeof drivers)[number] {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)) throw invalid(`invalid network name: ${name}`);
  if (deps.networks.byName(name)) throw conflict(`network with name ${name} already exists`);
  validateOptions(options);
  const known = drivers.find((each) => each === driver);
  if (known) return known;
  throw new IsleError("notFound", `could not find plugin ${driver} in v1 plugin registry: plugin not found`, {
    hint: `the drivers ${drivers.join(", ")} are available`,
  });
}

const bridgeNameOption = "com.docker.network.bridge.name";

function validateOptions(options: Readonly<Record<string, string>>): void {
  const known: ReadonlyArray<readonly [name: string, fits: (value: string) => boolean]> = [
    ["com.docker.network.driver.mtu", (value) => /^\d+$/.test(value) && Number(value) <= 65535],
    ["com.docker.network.bridge.enable_icc", isFlag],
    ["com.docker.network.bridge.enable_ip_masquerade", isFlag],
    ["com.docker.network.bridge.gateway_mode_ipv4", isGatewayMode],
    ["com.docker.network.bridge.gateway_mode_ipv6", isGatewayMode],
    ["com.docker.network.bridge.host_binding_ipv4", (value) => isIp(value) && !value.includes(":")],
    ["com.docker.network.container_iface_prefix", (value) => /^[a-zA-Z][a-zA-Z0-9_-]{0,9}$/.test(value)],
  ];
  for (const [name, fits] of known) {
    const value = options[name];
    if (value !== undefined && !fits(value)) throw invalid(`invalid value for the option ${name}: ${value}`);
  }
}

const isGatewayMode = (value: string): boolean => ["nat", "routed"].includes(value);
const isFlag = (value: string): boolean => /^(true|false|0|1)$/i.test(value);

/** A name for an interface that is not there yet: somebody else's would be changed, and gone with the network. */
function bridgeName({ networks, machine }: InstanceDeps, name: string | undefined, id: string): string {
  if (name === undefined) return `br-${id.slice(0, 12)}`;
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,14}$/.test(name)) throw invalid(`invalid bridge name: ${JSON.stringify(name)}`);
  const interfaces = (machine.readText("/proc/net/dev") ?? "").split("\n").map((line) => line.split(":")[0]!.trim());
  if (interfaces.includes(name) || networks.list().some(({ bridge }) => bridge === name)) {
    throw conflict(`an interface ${name} exists already`, { hint: "choose another com.docker.network.bridge.name" });
  }
  return name;
}

/** The machine's interface that a macvlan or ipvlan stands on. */
function parentOf({ parent = "" }: Readonly<Record<string, string>>): string {
  if (/^[^\s/\p{Cc}]{1,15}$/u.test(parent)) return parent;
  throw invalid("a network of this driver stands on an interface of the machine", {
    hint: "name it with -o parent=INTERFACE",
  });
}

function policyOfLabels(labels: Readonly<Record<string, string>>): NetworkPolicy | undefined {
  const [inside, egress] = [insideOfLabels(labels), egressOfLabels(labels)];
  return inside || egress ? { ...(inside && { inside }), ...(egress && { egress }) } : undefined;
}
