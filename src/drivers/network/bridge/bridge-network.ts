import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { IsleError, isErrno } from "../../../base/error.ts";
import { newId } from "../../../base/id.ts";
import { parseSubnet } from "../../../base/ipv4.ts";
import { KeyedLock } from "../../../base/keyed-lock.ts";
import type { Logger } from "../../../base/log.ts";
import type { Endpoint } from "../../../core/instance.ts";
import type { Attachment, AttachRequest, LiveAttachment, NetworkDriver, NetworkRecord } from "../../../core/network.ts";
import { interfaceIndex, Netlink } from "../../../os/netlink.ts";
import { isNetns, removeNetns } from "../../../os/netns.ts";
import { runOk } from "../../../os/process.ts";
import { AddressLeases, macOf } from "./addresses.ts";
import { makeConnected, makeIsolated } from "./namespace.ts";
import { PortLeases } from "./ports.ts";
import { type Forward, forwardChange, forwardsOf, tableRules } from "./rules.ts";
import { type AddressPool, chooseSubnet, parseRoutes } from "./subnet.ts";

export interface BridgeNetworkOptions {
  /** Holds a file for each network namespace. */
  readonly netnsDir: string;
  /** Name of our nftables table. */
  readonly table: string;
  /** First letters of the host's interface names; at most 7. */
  readonly interfacePrefix: string;
  readonly pools: readonly AddressPool[];
  /** Namespaces kept ready on the default network. */
  readonly spares: number;
  readonly nft: string;
  readonly log: Logger;
}

interface Prepared {
  readonly netns: string;
  readonly hostInterface: string;
  readonly endpoint: Endpoint;
}

/** Bridges, veth pairs and one nftables table of our own. */
export class BridgeNetwork implements NetworkDriver {
  readonly #options: BridgeNetworkOptions;
  readonly #netlink = new Netlink();
  readonly #addresses = new Map<string, AddressLeases>();
  readonly #ports = new PortLeases();
  readonly #attached = new Map<string, { netns: string; endpoint: Endpoint | undefined }>();
  readonly #networks = new Map<string, NetworkRecord>();
  #spares: Prepared[] = [];
  #refill: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  readonly #turns = new KeyedLock();

  constructor(options: BridgeNetworkOptions) {
    this.#options = options;
    mkdirSync(options.netnsDir, { recursive: true, mode: 0o711 });
  }

  async pickSubnet(taken: readonly string[]): Promise<string> {
    const routes = parseRoutes(readFileSync("/proc/net/route", "utf8"));
    return chooseSubnet(this.#options.pools, [...routes, ...taken.map(parseSubnet)]);
  }

  async create(network: NetworkRecord): Promise<void> {
    if (network.driver !== "bridge") return;
    this.#makeBridge(network);
    this.#networks.set(network.id, network);
    this.#leases(network);
    await this.#writeRules();
  }

  async remove(network: NetworkRecord): Promise<void> {
    // Also an instance that is just being started counts, of which no record tells yet.
    if ([...this.#attached.values()].some(({ endpoint }) => endpoint?.networkId === network.id)) {
      throw new IsleError("forbidden", `error while removing network: network ${network.name} has active endpoints`);
    }
    this.#networks.delete(network.id);
    this.#addresses.delete(network.id);
    const index = interfaceIndex(network.bridge);
    if (index > 0) this.#netlink.deleteLink(index);
    await this.#writeRules();
  }

  async attach(request: AttachRequest): Promise<Attachment> {
    const ports = this.#ports.take(request.ports);
    try {
      this.#repairBridge(request.network);
      const spare = request.address || request.mac ? undefined : this.#takeSpare(request.network);
      const prepared = spare ?? this.#prepare(request.network, request);
      const endpoint = { ...prepared.endpoint, ports };
      this.#attached.set(request.instanceId, { netns: prepared.netns, endpoint });
      await this.#change("add", endpoint);
      return { netns: prepared.netns, endpoint };
    } catch (error) {
      this.#ports.release(ports);
      const attached = this.#attached.get(request.instanceId);
      if (attached) this.#discard(attached.netns, attached.endpoint);
      this.#attached.delete(request.instanceId);
      throw error;
    }
  }

  async isolated(instanceId: string): Promise<string> {
    const netns = this.#newNetnsPath();
    makeIsolated(netns);
    this.#attached.set(instanceId, { netns, endpoint: undefined });
    return netns;
  }

  async detach(instanceId: string): Promise<void> {
    const attached = this.#attached.get(instanceId);
    if (!attached) return;
    this.#attached.delete(instanceId);
    try {
      if (attached.endpoint) await this.#change("delete", attached.endpoint);
    } finally {
      this.#ports.release(attached.endpoint?.ports ?? []);
      this.#discard(attached.netns, attached.endpoint);
    }
  }

  /** Makes the machine agree with the records: bridges, leases and rules are there, nameless namespaces are gone. */
  async restore(networks: readonly NetworkRecord[], live: readonly LiveAttachment[]): Promise<void> {
    for (const network of networks.filter(({ driver }) => driver === "bridge")) {
      this.#makeBridge(network);
      this.#networks.set(network.id, network);
      this.#leases(network);
    }
    for (const { instanceId, netns, endpoints } of live) {
      if (netns === undefined || !netns.startsWith(this.#options.netnsDir)) continue;
      this.#attached.set(instanceId, { netns, endpoint: endpoints[0] });
      for (const endpoint of endpoints) this.#adopt(endpoint);
    }
    const kept = new Set([...this.#attached.values()].map(({ netns }) => netns));
    for (const name of readdirSync(this.#options.netnsDir)) {
      const path = join(this.#options.netnsDir, name);
      if (!kept.has(path)) removeNetns(path);
    }
    enableForwarding();
    await this.#writeRules();
    this.#scheduleRefill();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#refill);
    for (const { netns, endpoint } of this.#spares) this.#discard(netns, endpoint);
    this.#spares = [];
    this.#netlink.close();
  }

  #adopt(endpoint: Endpoint): void {
    this.#ports.adopt(endpoint.ports);
    const network = this.#networks.get(endpoint.networkId);
    if (network) this.#leases(network).takeFixed(endpoint.address);
  }

  #leases(network: NetworkRecord): AddressLeases {
    const leases = this.#addresses.get(network.id) ?? new AddressLeases(network.subnet, network.gateway);
    this.#addresses.set(network.id, leases);
    return leases;
  }

  #makeBridge({ bridge, gateway, subnet }: NetworkRecord): void {
    if (interfaceIndex(bridge) === 0) this.#netlink.addBridge(bridge);
    const index = interfaceIndex(bridge);
    this.#netlink.addAddress(index, gateway, parseSubnet(subnet).prefixLength);
    this.#netlink.setUp(index);
    // Lets connections to a published port over 127.0.0.1 reach the workload.
    writeFileSync(`/proc/sys/net/ipv4/conf/${bridge}/route_localnet`, "1");
  }

  /** Makes a bridge anew that somebody deleted. What was connected to it gets its way back at its next start. */
  #repairBridge(network: NetworkRecord): void {
    if (!this.#networks.has(network.id) || interfaceIndex(network.bridge) > 0) return;
    this.#options.log.warn("a bridge is gone and is made anew", { network: network.name, bridge: network.bridge });
    this.#makeBridge(network);
    if (!network.predefined) return;
    for (const { netns, endpoint } of this.#spares) this.#discard(netns, endpoint);
    this.#spares = [];
  }

  #prepare(network: NetworkRecord, wish: { address?: string | undefined; mac?: string | undefined }): Prepared {
    const known = this.#networks.get(network.id);
    if (!known) throw new IsleError("notFound", `network ${network.name} is not set up`);
    const leases = this.#leases(network);
    const address = wish.address ? leases.takeFixed(wish.address) : leases.take();
    const netns = this.#newNetnsPath();
    const hostInterface = `${this.#options.interfacePrefix}${newId().slice(0, 8)}`;
    const mac = wish.mac ?? macOf(address);
    const gateway = network.internal ? "" : network.gateway;
    try {
      const { prefixLength } = leases;
      makeConnected(this.#netlink, {
        path: netns,
        hostInterface,
        bridge: network.bridge,
        address,
        prefixLength,
        gateway,
        mac,
      });
      return { netns, hostInterface, endpoint: endpointOf(network, { address, prefixLength, mac }) };
    } catch (error) {
      removeNetns(netns);
      leases.release(address);
      throw error;
    }
  }

  #discard(netns: string, endpoint: Endpoint | undefined): void {
    removeNetns(netns);
    if (endpoint) this.#addresses.get(endpoint.networkId)?.release(endpoint.address);
  }

  #newNetnsPath(): string {
    return join(this.#options.netnsDir, newId().slice(0, 16));
  }

  #takeSpare(network: NetworkRecord): Prepared | undefined {
    if (!network.predefined) return undefined;
    let spare = this.#spares.shift();
    while (spare && !isNetns(spare.netns)) {
      this.#discard(spare.netns, spare.endpoint);
      spare = this.#spares.shift();
    }
    this.#scheduleRefill();
    return spare;
  }

  /** Refills one at a time and only when nothing else is to do, so that no start waits for it. */
  #scheduleRefill(): void {
    if (this.#refill !== undefined || this.#closed || this.#spares.length >= this.#options.spares) return;
    this.#refill = setTimeout(() => {
      this.#refill = undefined;
      const network = [...this.#networks.values()].find(({ predefined }) => predefined);
      if (!network) return;
      try {
        this.#spares.push(this.#prepare(network, {}));
      } catch (error) {
        return this.#options.log.warn("preparing a network namespace failed", { error: String(error) });
      }
      this.#scheduleRefill();
    }, 5);
  }

  #writeRules(): Promise<void> {
    return this.#nft(() => this.#allRules());
  }

  #allRules(): string {
    const forwards: Forward[] = [...this.#attached.values()].flatMap(({ endpoint }) =>
      endpoint ? forwardsOf(endpoint) : [],
    );
    return tableRules(this.#options.table, [...this.#networks.values()], forwards);
  }

  /** Publishes the ports of one endpoint or takes them back. */
  async #change(verb: "add" | "delete", endpoint: Endpoint): Promise<void> {
    const rules = forwardChange(this.#options.table, verb, forwardsOf(endpoint));
    if (rules === "") return;
    try {
      await this.#nft(() => rules);
    } catch (error) {
      // Somebody flushed the rules, or they were written as a whole meanwhile: that is what makes them right.
      this.#options.log.debug("the rules are written anew", { error: String(error) });
      await this.#writeRules();
    }
  }

  /** One change after the other, each planned when its turn comes, so that none undoes another. */
  async #nft(rules: () => string): Promise<void> {
    await this.#turns.run("nft", () => runOk(this.#options.nft, ["-f", "-"], { input: rules() }));
  }
}

function endpointOf(
  { id, name, gateway, internal }: NetworkRecord,
  { address, prefixLength, mac }: { address: string; prefixLength: number; mac: string },
): Endpoint {
  return {
    networkId: id,
    networkName: name,
    endpointId: newId(),
    address,
    prefixLength,
    gateway: internal ? "" : gateway,
    mac,
    ports: [],
  };
}

function enableForwarding(): void {
  const path = "/proc/sys/net/ipv4/ip_forward";
  if (!existsSync(path) || readFileSync(path, "utf8").trim() === "1") return;
  try {
    writeFileSync(path, "1");
  } catch (error) {
    if (!isErrno(error, "EROFS", "EACCES")) throw error;
  }
}
