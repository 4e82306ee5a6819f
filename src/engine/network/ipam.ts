import { IsleError, invalid } from "../../base/error.ts";
import {
  type Block,
  contains,
  type Family,
  familyOf,
  formatBlock,
  formatIp,
  isIp,
  normalIp,
  overlaps,
  parseBlock,
  parseIp,
} from "../../base/ip.ts";
import type { NetworkPool } from "../../core/network.ts";

/** One subnet as a client asks for it; empty texts are chosen. */
export interface PoolRequest {
  readonly subnet: string;
  readonly range: string;
  readonly gateway: string;
  readonly reserved: Readonly<Record<string, string>>;
}

export interface IpamRequest {
  readonly pools: readonly PoolRequest[];
  readonly ipv4: boolean;
  readonly ipv6: boolean;
}

export interface IpamContext {
  /** Subnets of the other networks. */
  readonly taken: readonly string[];
  pickSubnet(family: Family, taken: readonly string[]): Promise<string>;
}

/** The subnets of a network: the wanted ones, checked, and a free one for each family that none was named for. */
export async function planPools({ pools, ipv4, ipv6 }: IpamRequest, context: IpamContext): Promise<NetworkPool[]> {
  const planned: NetworkPool[] = [];
  for (const request of pools) {
    const others = [...context.taken, ...planned.map(({ subnet }) => subnet)];
    const subnet = request.subnet || (await context.pickSubnet(familyWanted(request), others));
    planned.push(planPool(subnet, request, others));
  }
  const has = (family: Family) => planned.some(({ subnet }) => familyOf(subnet) === family);
  for (const family of [4, 6] as const) {
    if (!(family === 4 ? ipv4 : ipv6) || has(family)) continue;
    const others = [...context.taken, ...planned.map(({ subnet }) => subnet)];
    planned.push(planPool(await context.pickSubnet(family, others), nothing, others));
  }
  if (!ipv4 && has(4)) throw invalid("an IPv4 subnet was given for a network without IPv4");
  if (planned.length === 0) throw invalid("IPv4 or IPv6 must be enabled");
  return planned;
}

const nothing: PoolRequest = { subnet: "", range: "", gateway: "", reserved: {} };

/** What lies in a subnet cannot be wanted of one that is yet to be chosen. */
function familyWanted({ range, gateway, reserved }: PoolRequest): Family {
  const given = range || gateway || Object.values(reserved)[0];
  if (given) throw invalid(`no matching subnet for ${given}`, { hint: "name the subnet it lies in" });
  return 4;
}

const prefixLimits = { 4: [8, 30], 6: [8, 126] } as const;

function planPool(text: string, request: PoolRequest, taken: readonly string[]): NetworkPool {
  const subnet = parseBlock(text);
  const [shortest, longest] = prefixLimits[subnet.family];
  if (subnet.prefixLength < shortest || subnet.prefixLength > longest) {
    throw invalid(`invalid subnet ${text}: its prefix must be from ${shortest} to ${longest} bits long`);
  }
  if (taken.some((other) => overlaps(subnet, parseBlock(other)))) {
    throw new IsleError("forbidden", "invalid pool request: Pool overlaps with other one on this address space");
  }
  const reserved = Object.entries(request.reserved).map(([name, address]) => {
    return [name, addressIn(subnet, address, "auxiliary address")] as const;
  });
  const range = request.range === "" ? undefined : rangeIn(subnet, request.range);
  return {
    subnet: formatBlock(subnet),
    gateway: request.gateway ? addressIn(subnet, request.gateway.split("/")[0]!, "gateway") : firstAddress(subnet),
    ...(range !== undefined && { range }),
    ...(reserved.length > 0 && { reserved: Object.fromEntries(reserved) }),
  };
}

export const firstAddress = ({ family, base }: Block): string => formatIp({ family, value: base + 1n });

function addressIn(subnet: Block, text: string, what: string): string {
  if (!isIp(text)) throw invalid(`invalid ${what}: ${text} is not an IP address`);
  if (!contains(subnet, parseIp(text))) throw invalid(`no matching subnet for ${what} ${text}`);
  return normalIp(text);
}

function rangeIn(subnet: Block, text: string): string {
  const range = parseBlock(text);
  const inside = contains(subnet, { family: range.family, value: range.base });
  if (!inside || range.prefixLength < subnet.prefixLength) {
    throw invalid(`invalid ip-range ${text}: it must lie in the subnet ${formatBlock(subnet)}`);
  }
  return formatBlock(range);
}
