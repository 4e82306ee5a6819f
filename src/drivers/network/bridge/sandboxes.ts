import { mkdirSync, readdirSync } from "node:fs";
import { join as joinPath } from "node:path";
import { IsleError, messageOf } from "../../../base/error.ts";
import { newId } from "../../../base/id.ts";
import type { Logger } from "../../../base/log.ts";
import type { Endpoint } from "../../../core/instance.ts";
import type { JoinRequest, NetworkRecord } from "../../../core/network.ts";
import { interfaceIndex, type Netlink } from "../../../os/netlink.ts";
import { isNetns, removeNetns } from "../../../os/netns.ts";
import { AddressLeases } from "./addresses.ts";
import { freeInterfaceName, join, settleGateway } from "./endpoints.ts";
import { hasDefaultRoute, interfacesIn, makeIsolated, makeIsolatedOf } from "./namespace.ts";
import { networkOptions } from "./options.ts";
import { plug } from "./plug.ts";
import { shape } from "./shape.ts";
import { type Prepared, Spares, type SparesOptions } from "./spares.ts";

export interface SandboxesOptions {
  readonly netlink: Netlink;
  /** Holds a file for each network namespace. */
  readonly netnsDir: string;
  /** First letters of the host's interface names; at most 7. */
  readonly interfacePrefix: string;
  /** Namespaces kept ready on the default network. */
  readonly spares: number;
  readonly log: Logger;
}

/** Steps of a build run one after the other, or beside those of a few stages. */
const sparesOfOwner = 2;

/** The network namespaces of instances, the interfaces in them and the addresses these have. */
export class Sandboxes {
  readonly #options: SandboxesOptions;
  readonly #networks = new Map<string, NetworkRecord>();
  readonly #addresses = new Map<string, AddressLeases>();
  readonly #spares: Spares;
  /** Ready for those of a user namespace, from their first start on. */
  readonly #sparesOf = new Map<string, Spares>();

  constructor(options: SandboxesOptions) {
    this.#options = options;
    mkdirSync(options.netnsDir, { recursive: true, mode: 0o711 });
    this.#spares = this.#newSpares(options.spares, () => this.#prepareSpare());
  }

  add(network: NetworkRecord): void {
    this.#networks.set(network.id, network);
    if (!this.#addresses.has(network.id)) this.#addresses.set(network.id, new AddressLeases(network.pools));
  }

  remove({ id }: NetworkRecord): void {
    this.#networks.delete(id);
    this.#addresses.delete(id);
  }

  /** A namespace without any network, whose owner may be a user namespace. */
  async isolated(owner?: string): Promise<string> {
    const netns = this.#newPath();
    if (owner === undefined) makeIsolated(netns);
    else await makeIsolatedOf(owner, netns);
    return netns;
  }

  /** A namespace with its first interface: a spare where nothing special is wanted. */
  async first(
    request: JoinRequest,
    owner: string | undefined,
  ): Promise<{ netns: string; endpoints: readonly Endpoint[] }> {
    const wishes = [...request.addresses, ...(request.linkLocal ?? []), request.mac, request.interfaceName];
    const plain = request.network.predefined && !wishes.some(Boolean);
    const spare = plain ? this.#readyFor(owner).take() : undefined;
    if (spare) {
      const { gatewayPriority, tags, egress, rate } = request;
      const given = { gatewayPriority, tags, ...(egress && { egress }), ...(rate && { rate }) };
      const endpoint = { ...spare.endpoint, ...given };
      shape(this.#options.netlink, spare.netns, endpoint);
      return { netns: spare.netns, endpoints: [endpoint] };
    }
    const { netns, endpoint } = owner === undefined ? this.#prepare(request) : await this.#prepareFor(owner, request);
    return { netns, endpoints: [endpoint] };
  }

  /** A further interface in a namespace that has those of `others` and the names `taken`. */
  join(netns: string, request: JoinRequest, taken: readonly string[]): Endpoint {
    const { network } = request;
    const leases = this.#addresses.get(network.id);
    if (!leases) throw new IsleError("notFound", `network ${network.name} is not set up`);
    if (request.interfaceName && taken.includes(request.interfaceName)) {
      throw new IsleError("conflict", `the instance has an interface ${request.interfaceName} already`);
    }
    const hostInterface = `${this.#options.interfacePrefix}${newId().slice(0, 8)}`;
    const place = {
      netlink: this.#options.netlink,
      leases,
      netns,
      interface: request.interfaceName ?? freeInterfaceName(networkOptions(network).interfacePrefix, taken),
      hostInterface: network.driver === "bridge" ? hostInterface : "",
    };
    return join(place, request, network);
  }

  /** Takes the addresses of an instance that runs already. */
  adopt(endpoints: readonly Endpoint[]): void {
    for (const endpoint of endpoints) {
      const leases = this.#addresses.get(endpoint.networkId);
      for (const address of [endpoint.address, endpoint.address6].filter(Boolean)) {
        try {
          leases?.takeFixed(address);
        } catch (error) {
          // It runs and has the address: that must not keep the daemon from starting.
          this.#options.log.warn("two hold one address", { network: endpoint.networkName, error: messageOf(error) });
        }
      }
    }
  }

  /** Makes the interfaces and routes be what the endpoints say; a crash, or somebody, may have taken some away. */
  mend(netns: string, endpoints: readonly Endpoint[]): void {
    if (!isNetns(netns)) return;
    const there = interfacesIn(netns);
    let mended = endpoints.length > 1;
    for (const endpoint of endpoints) {
      const network = this.#networks.get(endpoint.networkId);
      if (!network) continue;
      const host = endpoint.hostInterface === "" ? 0 : interfaceIndex(endpoint.hostInterface);
      if (host > 0) this.#options.netlink.setMaster(host, interfaceIndex(network.bridge));
      if (there.includes(endpoint.interface) && (host > 0 || endpoint.hostInterface === "")) continue;
      plug(this.#options.netlink, netns, endpoint, network);
      mended = true;
    }
    if (mended || (endpoints.length > 0 && !hasDefaultRoute(netns))) settleGateway(netns, endpoints);
  }

  /** Lets go of a namespace, its interfaces and their addresses. */
  discard(netns: string, endpoints: readonly Endpoint[]): void {
    removeNetns(netns);
    this.release(endpoints);
  }

  release(endpoints: readonly Endpoint[]): void {
    for (const { networkId, address, address6 } of endpoints) {
      for (const each of [address, address6]) this.#addresses.get(networkId)?.release(each);
    }
  }

  /** Lets go of all namespaces but these. */
  keepOnly(kept: ReadonlySet<string>): void {
    for (const name of readdirSync(this.#options.netnsDir)) {
      const path = joinPath(this.#options.netnsDir, name);
      if (!kept.has(path)) removeNetns(path);
    }
  }

  isOurs(netns: string): boolean {
    return netns.startsWith(this.#options.netnsDir);
  }

  refill(): void {
    this.#spares.refill();
  }

  dropSpares(): void {
    for (const spares of [this.#spares, ...this.#sparesOf.values()]) {
      spares.drop();
      spares.refill();
    }
  }

  close(): void {
    for (const spares of [this.#spares, ...this.#sparesOf.values()]) spares.close();
  }

  #newSpares(count: number, prepare: SparesOptions["prepare"]): Spares {
    const { log } = this.#options;
    return new Spares({ count, log, prepare, discard: ({ netns, endpoint }) => this.discard(netns, [endpoint]) });
  }

  #readyFor(owner: string | undefined): Spares {
    if (owner === undefined) return this.#spares;
    const known = this.#sparesOf.get(owner);
    const spares = known ?? this.#newSpares(sparesOfOwner, () => this.#prepareSpareFor(owner));
    this.#sparesOf.set(owner, spares);
    return spares;
  }

  #plainRequest(): JoinRequest | undefined {
    const network = [...this.#networks.values()].find(({ predefined }) => predefined);
    return network && { network, addresses: [], gatewayPriority: 0, tags: [] };
  }

  #prepareSpare(): Prepared | undefined {
    const request = this.#plainRequest();
    return request && this.#prepare(request);
  }

  async #prepareSpareFor(owner: string): Promise<Prepared | undefined> {
    const request = this.#plainRequest();
    return request && (await this.#prepareFor(owner, request));
  }

  #prepare(request: JoinRequest): Prepared {
    const netns = this.#newPath();
    makeIsolated(netns);
    return this.#furnished(netns, request);
  }

  async #prepareFor(owner: string, request: JoinRequest): Promise<Prepared> {
    return this.#furnished(await this.isolated(owner), request);
  }

  /** Gives a namespace its first interface, or lets go of it. */
  #furnished(netns: string, request: JoinRequest): Prepared {
    try {
      const [endpoint] = settleGateway(netns, [this.join(netns, request, [])]);
      return { netns, endpoint: endpoint! };
    } catch (error) {
      removeNetns(netns);
      throw error;
    }
  }

  #newPath(): string {
    return joinPath(this.#options.netnsDir, newId().slice(0, 16));
  }
}
