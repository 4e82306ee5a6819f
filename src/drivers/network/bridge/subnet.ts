import { IsleError } from "../../../base/error.ts";
import { formatIpv4, formatSubnet, overlaps, parseSubnet, type Subnet } from "../../../base/ipv4.ts";

export interface AddressPool {
  /** CIDR to cut subnets from. */
  readonly base: string;
  /** Prefix length of each. */
  readonly size: number;
}

export const defaultPools: readonly AddressPool[] = [
  { base: "172.17.0.0/16", size: 16 },
  { base: "172.18.0.0/16", size: 16 },
  { base: "172.20.0.0/14", size: 16 },
  { base: "172.24.0.0/14", size: 16 },
  { base: "172.28.0.0/14", size: 16 },
  { base: "192.168.0.0/16", size: 20 },
];

/** The first subnet of the pools that overlaps neither a live route nor a taken one. */
export function chooseSubnet(pools: readonly AddressPool[], inUse: readonly Subnet[]): string {
  for (const pool of pools) {
    const { base, prefixLength } = parseSubnet(pool.base);
    const step = 2 ** (32 - pool.size);
    for (let i = 0; i < 2 ** (pool.size - prefixLength); i += 1) {
      const candidate = { base: base + i * step, prefixLength: pool.size };
      if (!inUse.some((other) => overlaps(candidate, other))) return formatSubnet(candidate);
    }
  }
  throw new IsleError("conflict", "all predefined address pools have been fully subnetted", {
    hint: "remove unused networks or add default-address-pools to the configuration",
  });
}

/** Subnets of /proc/net/route, the default route left out. */
export function parseRoutes(text: string): Subnet[] {
  const swap = (hex: string) => Buffer.from(hex, "hex").reverse().readUInt32BE();
  return text
    .trim()
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [, destination = "", , , , , , mask = ""] = line.split("\t");
      const bits = swap(mask).toString(2).replaceAll("0", "").length;
      return bits === 0 ? [] : [parseSubnet(`${formatIpv4(swap(destination))}/${bits}`)];
    });
}
