import { IsleError } from "../../../base/error.ts";
import { type Block, type Family, formatBlock, overlaps, parseBlock } from "../../../base/ip.ts";

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
export function chooseSubnet(pools: readonly AddressPool[], family: Family, inUse: readonly Block[]): string {
  for (const pool of pools) {
    const { base, prefixLength, family: poolFamily } = parseBlock(pool.base);
    if (poolFamily !== family) continue;
    const step = 1n << BigInt((family === 4 ? 32 : 128) - pool.size);
    const count = 1n << BigInt(pool.size - prefixLength);
    for (let i = 0n; i < count; i += 1n) {
      const candidate = { family, base: base + i * step, prefixLength: pool.size };
      if (!inUse.some((other) => overlaps(candidate, other))) return formatBlock(candidate);
    }
  }
  throw new IsleError("conflict", "all predefined address pools have been fully subnetted", {
    hint: "remove unused networks or add default-address-pools to the configuration",
  });
}
