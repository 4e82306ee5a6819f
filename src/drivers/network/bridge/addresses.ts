import { conflict, invalid } from "../../../base/error.ts";
import {
  type Block,
  contains,
  type Family,
  familyOf,
  formatIp,
  ipBytes,
  lastOf,
  normalIp,
  parseBlock,
  parseIp,
} from "../../../base/ip.ts";
import type { NetworkPool } from "../../../core/network.ts";

export interface Lease {
  readonly address: string;
  readonly prefixLength: number;
  readonly gateway: string;
}

/** Addresses of one network: from each pool the next free one after the last given, so that a freed one rests a while. */
export class AddressLeases {
  readonly #pools: readonly PoolLeases[];

  constructor(pools: readonly NetworkPool[]) {
    this.#pools = pools.map((pool) => new PoolLeases(pool));
  }

  /** One address of each family the network has: the wanted ones, else free ones. All or none. */
  take(wanted: readonly string[]): Lease[] {
    const families = new Set(this.#pools.map(({ family }) => family));
    const stranger = wanted.find((address) => !families.has(familyOf(address)));
    if (stranger) throw outside(stranger);
    const leases: Lease[] = [];
    try {
      for (const family of families) {
        const fixed = wanted.find((address) => familyOf(address) === family);
        leases.push(fixed === undefined ? this.#next(family) : this.takeFixed(fixed));
      }
      return leases;
    } catch (error) {
      for (const { address } of leases) this.release(address);
      throw error;
    }
  }

  /** A fixed address; conflict when somebody has it. */
  takeFixed(text: string): Lease {
    const address = normalIp(text);
    const pool = this.#pools.find((each) => each.holds(address));
    if (!pool) throw outside(text);
    if (!pool.take(address))
      throw conflict("Address already in use", {
        hint: `${text} is held by another instance or by the network itself`,
      });
    return pool.lease(address);
  }

  release(text: string): void {
    if (text === "") return;
    this.#pools.find((pool) => pool.holds(text))?.release(text);
  }

  #next(family: Family): Lease {
    for (const pool of this.#pools) {
      const address = pool.family === family ? pool.next() : undefined;
      if (address !== undefined) return pool.lease(address);
    }
    throw conflict(`no available IPv${family} addresses on this network's address pools`, {
      hint: "remove instances from the network, or make one with a larger subnet or range",
    });
  }
}

const outside = (address: string) => invalid(`no configured subnet contains IP address ${address}`);

class PoolLeases {
  readonly family: Family;
  readonly #subnet: Block;
  readonly #range: Block;
  readonly #gateway: string;
  readonly #taken: Set<string>;
  #last: bigint;

  constructor({ subnet, gateway, range, reserved = {} }: NetworkPool) {
    this.#subnet = parseBlock(subnet);
    this.family = this.#subnet.family;
    this.#range = range === undefined ? this.#subnet : parseBlock(range);
    this.#gateway = gateway;
    const ends = [this.#subnet.base, ...(this.family === 4 ? [lastOf(this.#subnet)] : [])];
    const fixed = [gateway, ...Object.values(reserved)].filter((address) => address !== "").map(normalIp);
    this.#taken = new Set([...ends.map((value) => formatIp({ family: this.family, value })), ...fixed]);
    this.#last = this.#range.base - 1n;
  }

  holds(address: string): boolean {
    return contains(this.#subnet, parseIp(address));
  }

  lease(address: string): Lease {
    return { address, prefixLength: this.#subnet.prefixLength, gateway: this.#gateway };
  }

  take(address: string): boolean {
    if (this.#taken.has(address)) return false;
    this.#taken.add(address);
    return true;
  }

  /** More tries than taken addresses cannot be needed. */
  next(): string | undefined {
    const { base } = this.#range;
    const size = lastOf(this.#range) - base + 1n;
    for (let tries = 0; tries <= this.#taken.size && BigInt(tries) < size; tries += 1) {
      this.#last = base + ((this.#last + 1n - base) % size);
      const address = formatIp({ family: this.family, value: this.#last });
      if (this.take(address)) return address;
    }
    return undefined;
  }

  release(address: string): void {
    this.#taken.delete(address);
  }
}

/** A locally administered MAC that follows the address, so that no two of a network clash. */
export const macOf = (address: string): string =>
  ["02", "42", ...[...ipBytes(address).subarray(-4)].map((byte) => byte.toString(16).padStart(2, "0"))].join(":");
