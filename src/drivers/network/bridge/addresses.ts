import { conflict, IsleError, invalid } from "../../../base/error.ts";
import { contains, formatIpv4, parseIpv4, parseSubnet, type Subnet, sizeOf } from "../../../base/ipv4.ts";

/** Addresses of one network: the next free one after the last given, so that a freed one rests a while. */
export class AddressLeases {
  readonly #subnet: Subnet;
  readonly #taken = new Set<number>();
  #last: number;

  constructor(subnet: string, gateway: string) {
    this.#subnet = parseSubnet(subnet);
    this.#taken.add(this.#subnet.base);
    this.#taken.add(this.#subnet.base + sizeOf(this.#subnet) - 1);
    this.#taken.add(parseIpv4(gateway));
    this.#last = this.#subnet.base;
  }

  get prefixLength(): number {
    return this.#subnet.prefixLength;
  }

  take(): string {
    const size = sizeOf(this.#subnet);
    for (let step = 1; step <= size; step += 1) {
      const address = this.#subnet.base + ((this.#last - this.#subnet.base + step) % size);
      if (this.#taken.has(address)) continue;
      this.#taken.add(address);
      this.#last = address;
      return formatIpv4(address);
    }
    throw new IsleError("conflict", "no available IPv4 addresses on this network's address pools");
  }

  /** A fixed address; conflict when somebody has it. */
  takeFixed(text: string): string {
    const address = parseIpv4(text);
    if (!contains(this.#subnet, address)) throw invalid(`no configured subnet contains IP address ${text}`);
    if (this.#taken.has(address))
      throw conflict("Address already in use", { hint: `${text} is held by another instance` });
    this.#taken.add(address);
    return text;
  }

  release(text: string): void {
    this.#taken.delete(parseIpv4(text));
  }
}

/** A locally administered MAC that follows the address, so that no two of a network clash. */
export const macOf = (address: string): string =>
  ["02", "42", ...address.split(".").map((part) => Number(part).toString(16).padStart(2, "0"))].join(":");
