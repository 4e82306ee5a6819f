import { createNetwork } from "../../client/networks.ts";
import { type Context, command } from "../command.ts";
import { labels } from "../create/environment.ts";
import { compact } from "../create/resources.ts";
import { usageError } from "../exit.ts";
import { splitOnce } from "../split-once.ts";

const networkFlags = {
  attachable: { type: "bool", help: "Containers may join by hand" },
  "aux-address": { type: "map", help: "Address to leave free", value: "name=ip" },
  "config-from": { type: "string", help: "Take the settings of this network", hidden: true },
  "config-only": { type: "bool", help: "Keep settings for other networks", hidden: true },
  driver: { type: "string", short: "d", default: "bridge", help: "Driver of the network" },
  gateway: { type: "strings", help: "Address of the gateway" },
  ingress: { type: "bool", help: "For swarms", hidden: true },
  internal: { type: "bool", help: "No way out to other networks" },
  "ip-range": { type: "strings", help: "Give addresses out of this range" },
  "ipam-driver": { type: "string", default: "default", help: "Driver that gives out addresses" },
  "ipam-opt": { type: "map", help: "Option of that driver" },
  ipv4: { type: "bool", default: true, help: "Give IPv4 addresses" },
  ipv6: { type: "bool", help: "Give IPv6 addresses" },
  label: { type: "list", help: "Set a label" },
  opt: { type: "map", short: "o", help: "Option of the driver" },
  scope: { type: "string", help: "Scope of the network", hidden: true },
  subnet: { type: "strings", help: "Subnet in CIDR form" },
} as const;

type CreateContext = Context<typeof networkFlags>;

export const networkCreate = command({
  summary: "Make a network",
  usage: "[OPTIONS] NETWORK",
  args: { min: 1, max: 1 },
  flags: networkFlags,
  examples: [["isle network create --subnet 10.9.0.0/24 back", "A network with a subnet of your choice"]],
  async run(context) {
    const { Id, Warning } = await createNetwork(context.client, networkBody(context));
    if (Warning) await context.warn(`WARNING: ${Warning}`);
    await context.print(Id!);
    return undefined;
  },
});

/** The body of POST /networks/create for a command line. */
export function networkBody({ flags, changed, args }: Pick<CreateContext, "flags" | "changed" | "args">): object {
  const around = { env: {}, cwd: "/", readText: () => "" };
  return {
    Name: args[0]!,
    ...compact({
      Driver: flags.driver,
      Scope: flags.scope,
      Internal: flags.internal,
      Attachable: flags.attachable,
      Ingress: flags.ingress,
      ConfigOnly: flags["config-only"],
      ConfigFrom: flags["config-from"] === "" ? undefined : { Network: flags["config-from"] },
      Options: flags.opt,
      Labels: labels([], flags.label, around),
    }),
    ...(changed.has("ipv4") && { EnableIPv4: flags.ipv4 }),
    ...(changed.has("ipv6") && { EnableIPv6: flags.ipv6 }),
    IPAM: { Driver: flags["ipam-driver"], ...compact({ Options: flags["ipam-opt"], Config: ipamConfig(flags) }) },
  };
}

interface Pool {
  Subnet: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

/** One entry for each subnet, with the range, gateway and addresses that lie in it. */
function ipamConfig(flags: CreateContext["flags"]): Pool[] {
  const pools = flags.subnet.map((Subnet): Pool => ({ Subnet }));
  if (pools.length === 0 && (flags.gateway.length > 0 || flags["ip-range"].length > 0)) {
    throw usageError("every ip-range or gateway must have a corresponding subnet");
  }
  for (const range of flags["ip-range"]) {
    poolOf(pools, splitOnce(range, "/")[0], `ip-range ${range}`).IPRange = range;
  }
  for (const gateway of flags.gateway) poolOf(pools, gateway, `gateway ${gateway}`).Gateway = gateway;
  for (const [name, address] of Object.entries(flags["aux-address"])) {
    const pool = poolOf(pools, address, `aux-address ${address}`);
    pool.AuxiliaryAddresses = { ...pool.AuxiliaryAddresses, [name]: address };
  }
  return pools;
}

function poolOf(pools: Pool[], address: string, what: string): Pool {
  const pool = pools.find(({ Subnet }) => contains(Subnet, address));
  if (pool === undefined) throw usageError(`no matching subnet for ${what}`);
  return pool;
}

function contains(subnet: string, address: string): boolean {
  const [network, bits = ""] = splitOnce(subnet, "/");
  if (network.includes(":") !== address.includes(":")) return false;
  const width = network.includes(":") ? 128n : 32n;
  const shift = width - BigInt(Number(bits) || 0);
  return addressBits(network) >> shift === addressBits(address) >> shift;
}

function addressBits(address: string): bigint {
  if (!address.includes(":"))
    return address.split(".").reduce((sum, part) => (sum << 8n) | BigInt(Number(part) || 0), 0n);
  const [head = "", tail] = splitOnce(address, "::");
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const left = groups(head);
  const right = groups(tail ?? "");
  const middle = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => "0");
  return [...left, ...middle, ...right].reduce(
    (sum, group) => (sum << 16n) | BigInt(Number.parseInt(group, 16) || 0),
    0n,
  );
}
