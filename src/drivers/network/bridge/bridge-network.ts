import { mkdirSync, readdirSync } from "node:fs";
import { join as joinPath } from "node:path";
import { conflict, IsleError, invalid } from "../../../base/error.ts";
import { newId } from "../../../base/id.ts";
import { type Family, formatBlock, overlaps, parseBlock } from "../../../base/ip.ts";
import type { Logger } from "../../../base/log.ts";
import { withUndo } from "../../../base/undo.ts";
import type { Endpoint, PublishedPort } from "../../../core/instance.ts";
import type {
  Attachment,
  AttachRequest,
  JoinRequest,
  LiveAttachment,
  NetworkDriver,
  NetworkRecord,
} from "../../../core/network.ts";
import { interfaceIndex, Netlink } from "../../../os/netlink.ts";
import { isNetns, removeNetns } from "../../../os/netns.ts";
import { AddressLeases } from "./addresses.ts";
import { enableForwarding, isThere, makeBridge, removeBridge } from "./bridges.ts";
import { freeInterfaceName, gatewayEndpoint, join, settleGateway } from "./endpoints.ts";
import { Firewall } from "./firewall.ts";
import { interfacesIn, makeIsolated } from "./namespace.ts";
import { networkOptions } from "./options.ts";
import { modesOf, notInKernel, plug, unplug } from "./plug.ts";
import { PortLeases } from "./ports.ts";
import { liveRoutes } from "./routes.ts";
import { type Prepared, Spares } from "./spares.ts";
import { type AddressPool, chooseSubnet } from "./subnet.ts";

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

interface Attached {
  readonly name: string;
  readonly netns: string;
  readonly endpoints: readonly Endpoint[];
}

/** Bridges, veth pairs and one nftables table of our own. */
export class BridgeNetwork implements NetworkDriver {
  readonly #options: BridgeNetworkOptions;
  readonly #netlink = new Netlink();
  readonly #addresses = new Map<string, AddressLeases>();
  readonly #ports = new PortLeases();
  readonly #attached = new Map<string, Attached>();
  readonly #networks = new Map<string, NetworkRecord>();
  readonly #firewall: Firewall;
  readonly #spares: Spares;

  constructor(options: BridgeNetworkOptions) {
    this.#options = options;
    mkdirSync(options.netnsDir, { recursive: true, mode: 0o711 });
    const { nft, table, log } = options;
    const plan = () => ({
      networks: [...this.#networks.values()],
      endpoints: [...this.#attached.values()].flatMap(({ endpoints }) => endpoints),
    });
    this.#firewall = new Firewall({ nft, table, log, plan });
    this.#spares = new Spares({
      count: options.spares,
      log,
      prepare: () => this.#prepareSpare(),
      discard: ({ netns, endpoint }) => this.#discard(netns, [endpoint]),
    });
  }

  async pickSubnet(family: Family, taken: readonly string[]): Promise<string> {
    const routes = liveRoutes(family).map(({ block }) => block);
    return chooseSubnet(this.#options.pools, family, [...routes, ...taken.map(parseBlock)]);
  }

  overlappingRoutes({ driver, pools, bridge }: NetworkRecord): string[] {
    if (driver !== "bridge") return [];
    return pools.flatMap(({ subnet }) => {
      const block = parseBlock(subnet);
      const clashes = liveRoutes(block.family).filter(
        (route) => route.device !== bridge && overlaps(route.block, block),
      );
      return clashes.map((route) => `subnet ${subnet} overlaps ${formatBlock(route.block)} behind ${route.device}`);
    });
  }

  async create(network: NetworkRecord): Promise<void> {
    if (network.driver === "bridge") makeBridge(this.#netlink, network);
    else checkParent(this.#netlink, network);
    this.#adopt(network);
    if (network.driver === "bridge") await this.#firewall.write();
  }

  async remove(network: NetworkRecord): Promise<void> {
    // Also an instance that is just being started counts, of which no record tells yet.
    const active = [...this.#attached.values()].some(({ endpoints }) =>
      endpoints.some(({ networkId }) => networkId === network.id),
    );
    if (active) {
      throw new IsleError("forbidden", `error while removing network: network ${network.name} has active endpoints`);
    }
    this.#networks.delete(network.id);
    this.#addresses.delete(network.id);
    if (network.driver !== "bridge") return;
    removeBridge(this.#netlink, network);
    await this.#firewall.write();
  }

  async attach(request: AttachRequest): Promise<Attachment> {
    return withUndo(async (undo) => {
      const first = this.#first(request.joins[0]!);
      const { netns } = first;
      let { endpoints } = first;
      undo.add(() => this.#discard(netns, endpoints));
      for (const more of request.joins.slice(1)) endpoints = [...endpoints, this.#join(netns, more, endpoints)];
      // Without a way out nothing can be published.
      const ports = this.#takePorts(gatewayEndpoint(endpoints), request);
      undo.add(() => this.#ports.release(ports));
      if (endpoints.length === 1) endpoints = [{ ...endpoints[0]!, ports }];
      else endpoints = settleGateway(netns, [{ ...endpoints[0]!, ports }, ...endpoints.slice(1)]);
      this.#attached.set(request.instanceId, { name: request.instanceName, netns, endpoints });
      undo.add(() => this.#attached.delete(request.instanceId));
      await this.#firewall.change("add", endpoints);
      return { netns, endpoints };
    });
  }

  async isolated(instanceId: string): Promise<string> {
    const netns = this.#newNetnsPath();
    makeIsolated(netns);
    this.#attached.set(instanceId, { name: "", netns, endpoints: [] });
    return netns;
  }

  async connect(instanceId: string, request: JoinRequest): Promise<readonly Endpoint[]> {
    const before = this.#requireAttached(instanceId);
    const added = this.#join(before.netns, request, before.endpoints);
    const endpoints = settleGateway(before.netns, [...before.endpoints, added]);
    await this.#replaceEndpoints(instanceId, before, endpoints);
    return endpoints;
  }

  async disconnect(instanceId: string, networkId: string): Promise<readonly Endpoint[]> {
    const before = this.#requireAttached(instanceId);
    const gone = before.endpoints.find((endpoint) => endpoint.networkId === networkId);
    if (!gone) return before.endpoints;
    const rest = before.endpoints.filter((endpoint) => endpoint !== gone);
    const moved = rest.map((endpoint, i) => (i === 0 ? { ...endpoint, ports: gone.ports } : endpoint));
    unplug(this.#netlink, before.netns, gone);
    const endpoints = settleGateway(before.netns, gone.ports.length > 0 ? moved : rest);
    if (!gatewayEndpoint(endpoints)) this.#ports.release(gone.ports);
    await this.#replaceEndpoints(instanceId, before, endpoints);
    this.#releaseAddresses([gone]);
    return endpoints;
  }

  async detach(instanceId: string): Promise<void> {
    const attached = this.#attached.get(instanceId);
    if (!attached) return;
    this.#attached.delete(instanceId);
    try {
      await this.#firewall.change("delete", attached.endpoints);
    } finally {
      this.#ports.release(attached.endpoints.flatMap(({ ports }) => ports));
      this.#discard(attached.netns, attached.endpoints);
    }
  }

  /** Makes the machine agree with the records: bridges, leases and rules are there, nameless namespaces are gone. */
  async restore(networks: readonly NetworkRecord[], live: readonly LiveAttachment[]): Promise<void> {
    for (const network of networks.filter(({ pools }) => pools.length > 0)) {
      if (network.driver === "bridge") makeBridge(this.#netlink, network);
      this.#adopt(network);
    }
    for (const { instanceId, instanceName, netns, endpoints } of live) {
      if (netns === undefined || !netns.startsWith(this.#options.netnsDir)) continue;
      this.#attached.set(instanceId, { name: instanceName, netns, endpoints });
      this.#ports.adopt(
        endpoints.flatMap(({ ports }) => ports),
        instanceName,
      );
      this.#adoptEndpoints(netns, endpoints);
    }
    const kept = new Set([...this.#attached.values()].map(({ netns }) => netns));
    for (const name of readdirSync(this.#options.netnsDir)) {
      const path = joinPath(this.#options.netnsDir, name);
      if (!kept.has(path)) removeNetns(path);
    }
    enableForwarding();
    await this.#firewall.write();
    this.#spares.refill();
  }

  async close(): Promise<void> {
    this.#spares.close();
    this.#netlink.close();
  }

  #adopt(network: NetworkRecord): void {
    this.#networks.set(network.id, network);
    if (!this.#addresses.has(network.id)) this.#addresses.set(network.id, new AddressLeases(network.pools));
  }

  /** Takes the addresses of a running instance and mends its interfaces, which a crash may have left half-made. */
  #adoptEndpoints(netns: string, endpoints: readonly Endpoint[]): void {
    for (const endpoint of endpoints) {
      const leases = this.#addresses.get(endpoint.networkId);
      for (const address of [endpoint.address, endpoint.address6]) if (address !== "") leases?.takeFixed(address);
    }
    if (isNetns(netns)) this.#mend(netns, endpoints);
  }

  #mend(netns: string, endpoints: readonly Endpoint[]): void {
    const there = interfacesIn(netns);
    let mended = false;
    for (const endpoint of endpoints) {
      const network = this.#networks.get(endpoint.networkId);
      if (!network) continue;
      const host = endpoint.hostInterface === "" ? 0 : interfaceIndex(endpoint.hostInterface);
      if (host > 0) this.#netlink.setMaster(host, interfaceIndex(network.bridge));
      if (there.includes(endpoint.interface) && (host > 0 || endpoint.hostInterface === "")) continue;
      plug(this.#netlink, netns, endpoint, network);
      mended = true;
    }
    if (mended) settleGateway(netns, endpoints);
  }

  /** Makes a bridge anew that somebody deleted, and plugs in again whoever was on it. */
  #repairBridge(network: NetworkRecord): void {
    if (network.driver !== "bridge" || !this.#networks.has(network.id) || isThere(network)) return;
    this.#options.log.warn("a bridge is gone and is made anew", { network: network.name, bridge: network.bridge });
    makeBridge(this.#netlink, network);
    if (network.predefined) this.#spares.drop();
    for (const { netns, endpoints } of this.#attached.values()) {
      const mine = endpoints.some(({ networkId }) => networkId === network.id);
      if (mine && isNetns(netns)) this.#mend(netns, endpoints);
    }
  }

  /** A namespace with its first interface: a spare where nothing special is wanted. */
  #first(request: JoinRequest): { netns: string; endpoints: readonly Endpoint[] } {
    this.#repairBridge(request.network);
    const plain = request.network.predefined && request.addresses.length === 0 && !request.mac;
    const spare = plain ? this.#spares.take() : undefined;
    if (spare) {
      return { netns: spare.netns, endpoints: [{ ...spare.endpoint, gatewayPriority: request.gatewayPriority }] };
    }
    const { netns, endpoint } = this.#prepare(request);
    return { netns, endpoints: [endpoint] };
  }

  #takePorts(way: Endpoint | undefined, { ports, instanceName }: AttachRequest): PublishedPort[] {
    const network = this.#networks.get(way?.networkId ?? "");
    if (network?.driver !== "bridge" || ports.length === 0) return [];
    const { hostAddress } = networkOptions(network);
    const wanted = ports.map((port) => (port.hostAddress === "" ? { ...port, hostAddress } : port));
    return this.#ports.take(wanted, instanceName);
  }

  #prepareSpare(): Prepared | undefined {
    const network = [...this.#networks.values()].find(({ predefined }) => predefined);
    return network && this.#prepare({ network, addresses: [], gatewayPriority: 0 });
  }

  #prepare(request: JoinRequest): Prepared {
    const netns = this.#newNetnsPath();
    makeIsolated(netns);
    try {
      const [endpoint] = settleGateway(netns, [this.#join(netns, request, [])]);
      return { netns, endpoint: endpoint! };
    } catch (error) {
      removeNetns(netns);
      throw error;
    }
  }

  #join(netns: string, request: JoinRequest, others: readonly Endpoint[]): Endpoint {
    const { network } = request;
    const leases = this.#addresses.get(network.id);
    if (!leases) throw new IsleError("notFound", `network ${network.name} is not set up`);
    this.#repairBridge(network);
    const hostInterface = `${this.#options.interfacePrefix}${newId().slice(0, 8)}`;
    const place = {
      netlink: this.#netlink,
      leases,
      netns,
      interface: freeInterfaceName(networkOptions(network).interfacePrefix, others),
      hostInterface: network.driver === "bridge" ? hostInterface : "",
    };
    this.#refuseTakenMac(request);
    return join(place, request, network);
  }

  #refuseTakenMac({ network, mac }: JoinRequest): void {
    for (const { name, endpoints } of mac ? this.#attached.values() : []) {
      const clash = endpoints.some((endpoint) => endpoint.networkId === network.id && sameMac(endpoint.mac, mac!));
      if (clash) throw conflict(`MAC address ${mac} is in use on network ${network.name} by container ${name}`);
    }
  }

  #requireAttached(instanceId: string): Attached {
    const attached = this.#attached.get(instanceId);
    if (!attached) throw conflict(`instance ${instanceId} has no network namespace of its own`);
    return attached;
  }

  /** Ports that lead elsewhere now are taken back before they are published anew. */
  async #replaceEndpoints(instanceId: string, before: Attached, endpoints: readonly Endpoint[]): Promise<void> {
    this.#attached.set(instanceId, { ...before, endpoints });
    const way = (list: readonly Endpoint[]) => list.find(({ ports }) => ports.length > 0)?.endpointId;
    if (way(before.endpoints) === way(endpoints)) return;
    await this.#firewall.change("delete", before.endpoints);
    await this.#firewall.change("add", endpoints);
  }

  #discard(netns: string, endpoints: readonly Endpoint[]): void {
    removeNetns(netns);
    this.#releaseAddresses(endpoints);
  }

  #releaseAddresses(endpoints: readonly Endpoint[]): void {
    for (const { networkId, address, address6 } of endpoints) {
      for (const each of [address, address6]) this.#addresses.get(networkId)?.release(each);
    }
  }

  #newNetnsPath(): string {
    return joinPath(this.#options.netnsDir, newId().slice(0, 16));
  }
}

const sameMac = (a: string, b: string): boolean =>
  a.toLowerCase().replaceAll("-", ":") === b.toLowerCase().replaceAll("-", ":");

/** What a macvlan or ipvlan stands on must be there, and the kernel must know how. */
function checkParent(netlink: Netlink, { driver, bridge, options }: NetworkRecord): void {
  const kind = driver as "macvlan" | "ipvlan";
  const mode = options[`${kind}_mode`];
  if (mode !== undefined && !modesOf(kind).includes(mode)) {
    throw invalid(`invalid ${kind}_mode: ${mode}`, { hint: `known are ${modesOf(kind).join(", ")}` });
  }
  if (!netlink.knowsKind(kind)) throw notInKernel(kind);
  if (interfaceIndex(bridge) > 0) return;
  throw invalid(`the parent interface ${bridge} does not exist`, { hint: "name one of the machine's with -o parent=" });
}
