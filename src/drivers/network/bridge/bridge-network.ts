import { isDeepStrictEqual } from "node:util";
import { conflict, IsleError, invalid, messageOf, unsupported } from "../../../base/error.ts";
import { type Family, familyOf, formatBlock, normalIp, overlaps, parseBlock } from "../../../base/ip.ts";
import { withUndo } from "../../../base/undo.ts";
import type { Endpoint, PublishedPort } from "../../../core/instance.ts";
import type { NamePort } from "../../../core/names.ts";
import type {
  Attachment,
  AttachRequest,
  JoinRequest,
  LiveAttachment,
  NamedAddress,
  NetworkDriver,
  NetworkRecord,
  PublishRequest,
} from "../../../core/network.ts";
import type { Denial } from "../../../core/network-policy.ts";
import { interfaceIndex, Netlink } from "../../../os/netlink.ts";
import { type Watch, watchDeletedLinks } from "../../../os/netlink-events.ts";
import { isListed, opened } from "./allow-lists.ts";
import { enableForwarding, filterInside, isThere, makeBridge, prepareFilter, removeBridge } from "./bridges.ts";
import { gatewayEndpoint, settleGateway } from "./endpoints.ts";
import { Firewall, type FirewallOptions } from "./firewall.ts";
import { interfacesIn } from "./namespace.ts";
import { networkOptions } from "./options.ts";
import { checkParent, unplug } from "./plug.ts";
import { PortLeases } from "./ports.ts";
import { liveRoutes } from "./routes.ts";
import { Sandboxes, type SandboxesOptions } from "./sandboxes.ts";
import { type AddressPool, chooseSubnet } from "./subnet.ts";

export interface BridgeNetworkOptions extends Omit<SandboxesOptions, "netlink">, Omit<FirewallOptions, "plan"> {
  readonly pools: readonly AddressPool[];
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
  readonly #ports = new PortLeases();
  readonly #attached = new Map<string, Attached>();
  readonly #networks = new Map<string, NetworkRecord>();
  readonly #namePorts = new Map<string, readonly NamePort[]>();
  readonly #firewall: Firewall;
  readonly #sandboxes: Sandboxes;
  #links: Watch | undefined;

  constructor(options: BridgeNetworkOptions) {
    this.#options = options;
    const plan = () => ({
      networks: [...this.#networks.values()],
      endpoints: this.#endpoints(),
      namePorts: [...this.#namePorts.values()].flat(),
    });
    this.#firewall = new Firewall({ ...options, plan });
    this.#sandboxes = new Sandboxes({ ...options, netlink: this.#netlink });
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
    await prepareFilter(network);
    if (network.driver === "bridge") makeBridge(this.#netlink, network);
    else checkParent(this.#netlink, network);
    this.#add(network);
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
    this.#namePorts.delete(network.id);
    this.#sandboxes.remove(network);
    if (network.driver !== "bridge") return;
    removeBridge(this.#netlink, network);
    await this.#firewall.write();
  }

  async setPolicy(network: NetworkRecord): Promise<void> {
    if (network.driver !== "bridge") throw unsupported(`networks of the driver ${network.driver} have no policies`);
    await prepareFilter(network);
    const before = this.#networks.get(network.id);
    this.#add(network);
    try {
      if (isThere(network)) filterInside(this.#netlink, network);
      await this.#firewall.write();
    } catch (error) {
      if (before) this.#add(before);
      throw error;
    }
  }

  async redirectNames(networkId: string, ports: readonly NamePort[]): Promise<void> {
    this.#namePorts.set(networkId, ports);
    await this.#firewall.write();
  }

  denials(): Promise<Denial[]> {
    return this.#firewall.denials();
  }

  followsName(instanceId: string, name: string): boolean {
    return isListed(this.#attached.get(instanceId)?.endpoints ?? [], this.#networks, name);
  }

  async learnName(instanceId: string, name: string, addresses: readonly NamedAddress[]): Promise<void> {
    const endpoints = this.#attached.get(instanceId)?.endpoints ?? [];
    await this.#firewall.learn(opened(endpoints, this.#networks, { name, addresses }));
  }

  async retag(instanceId: string, tags: ReadonlyMap<string, readonly string[]>): Promise<readonly Endpoint[]> {
    const before = this.#requireAttached(instanceId);
    const endpoints = before.endpoints.map((each) => ({ ...each, tags: tags.get(each.networkId) ?? each.tags }));
    this.#attached.set(instanceId, { ...before, endpoints });
    const isRuled = ({ networkId }: Endpoint) => this.#networks.get(networkId)?.policy?.inside !== undefined;
    if (endpoints.some(isRuled)) await this.#firewall.write();
    return endpoints;
  }

  async attach(request: AttachRequest): Promise<Attachment> {
    return withUndo(async (undo) => {
      for (const join of request.joins) this.#check(join);
      const first = await this.#sandboxes.first(request.joins[0]!, request.owner);
      const { netns } = first;
      let { endpoints } = first;
      undo.add(() => this.#sandboxes.discard(netns, endpoints));
      for (const more of request.joins.slice(1)) {
        endpoints = [...endpoints, this.#sandboxes.join(netns, more, namesOf(endpoints))];
      }
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

  async isolated(instanceId: string, owner?: string): Promise<string> {
    const netns = await this.#sandboxes.isolated(owner);
    this.#attached.set(instanceId, { name: "", netns, endpoints: [] });
    return netns;
  }

  async connect(instanceId: string, request: JoinRequest): Promise<readonly Endpoint[]> {
    const before = this.#requireAttached(instanceId);
    this.#check(request);
    const names = [...namesOf(before.endpoints), ...interfacesIn(before.netns)];
    const added = this.#sandboxes.join(before.netns, request, names);
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
    this.#sandboxes.release([gone]);
    return endpoints;
  }

  async publish(instanceId: string, requests: readonly PublishRequest[]): Promise<readonly Endpoint[]> {
    const before = this.#requireAttached(instanceId);
    const way = gatewayEndpoint(before.endpoints);
    const added = this.#takePorts(way, { ports: requests, instanceName: before.name });
    const endpoints = before.endpoints.map((each) =>
      each === way ? { ...each, ports: [...each.ports, ...added] } : each,
    );
    this.#attached.set(instanceId, { ...before, endpoints });
    if (way) await this.#firewall.change("add", [{ ...way, ports: added }]);
    return endpoints;
  }

  async unpublish(instanceId: string, ports: readonly PublishedPort[]): Promise<readonly Endpoint[]> {
    const before = this.#requireAttached(instanceId);
    const isGone = (port: PublishedPort) => ports.some((other) => isDeepStrictEqual(other, port));
    const endpoints = before.endpoints.map((each) => ({ ...each, ports: each.ports.filter((port) => !isGone(port)) }));
    this.#attached.set(instanceId, { ...before, endpoints });
    await this.#firewall.change(
      "delete",
      before.endpoints.map((each) => ({ ...each, ports: each.ports.filter(isGone) })),
    );
    this.#ports.release(ports);
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
      this.#sandboxes.discard(attached.netns, attached.endpoints);
    }
  }

  /** Makes the machine agree with the records: all they name is there, and nothing else of ours. */
  async restore(networks: readonly NetworkRecord[], live: readonly LiveAttachment[]): Promise<void> {
    for (const network of networks.filter(({ pools }) => pools.length > 0)) {
      await prepareFilter(network).catch((error: unknown) => this.#options.log.error(messageOf(error)));
      this.#restoreNetwork(network);
    }
    for (const { instanceId, instanceName, netns, endpoints } of live) {
      if (netns === undefined || !this.#sandboxes.isOurs(netns)) continue;
      this.#attached.set(instanceId, { name: instanceName, netns, endpoints });
      for (const { ports } of endpoints) this.#ports.adopt(ports, instanceName);
      this.#sandboxes.adopt(endpoints);
    }
    this.#sandboxes.keepOnly(new Set([...this.#attached.values()].map(({ netns }) => netns)));
    this.#removeStrays();
    for (const attached of this.#attached.values()) this.#mend(attached);
    enableForwarding();
    this.#firewall.guard();
    await this.#firewall.write();
    this.#links = watchDeletedLinks((name) => this.#noteDeleted(name));
    this.#sandboxes.refill();
  }

  async close(): Promise<void> {
    this.#links?.close();
    this.#firewall.close();
    this.#sandboxes.close();
    this.#netlink.close();
  }

  #add(network: NetworkRecord): void {
    this.#networks.set(network.id, network);
    this.#sandboxes.add(network);
  }

  /** What is wrong with one network must not keep the daemon from all others. */
  #restoreNetwork(network: NetworkRecord): void {
    this.#add(network);
    if (network.driver !== "bridge") return;
    try {
      makeBridge(this.#netlink, network);
    } catch (error) {
      this.#options.log.error("bringing a network back failed", { network: network.name, error: messageOf(error) });
    }
  }

  /** Members of our bridges that no record names: a crash came between their making and their recording. */
  #removeStrays(): void {
    const made = [...this.#networks.values()].filter(({ driver }) => driver === "bridge");
    const bridges = new Set(made.map(({ bridge }) => interfaceIndex(bridge)).filter((index) => index > 0));
    const known = new Set(this.#endpoints().map(({ hostInterface }) => hostInterface));
    for (const { name, index, masterIndex } of this.#netlink.links()) {
      const isOurs = bridges.has(masterIndex) && name.startsWith(this.#options.interfacePrefix);
      if (isOurs && !known.has(name)) this.#netlink.deleteLink(index);
    }
  }

  #endpoints(): Endpoint[] {
    return [...this.#attached.values()].flatMap(({ endpoints }) => endpoints);
  }

  #mend({ name, netns, endpoints }: Attached): void {
    try {
      this.#sandboxes.mend(netns, endpoints);
    } catch (error) {
      this.#options.log.warn("mending the network of an instance failed", { instance: name, error: messageOf(error) });
    }
  }

  /** Mends what somebody deleted by hand: a bridge, or an instance's end of a cable. Empty for perhaps any. */
  #noteDeleted(name: string): void {
    for (const network of this.#networks.values()) {
      if (name === "" || network.bridge === name) this.#repairBridge(network);
    }
    for (const attached of name === "" ? [] : this.#attached.values()) {
      if (attached.endpoints.some(({ hostInterface }) => hostInterface === name)) this.#mend(attached);
    }
  }

  /** Makes a bridge anew that somebody deleted, and plugs in again whoever was on it. */
  #repairBridge(network: NetworkRecord): void {
    if (network.driver !== "bridge" || !this.#networks.has(network.id) || isThere(network)) return;
    this.#options.log.warn("a bridge is gone and is made anew", { network: network.name, bridge: network.bridge });
    this.#restoreNetwork(network);
    if (network.predefined) this.#sandboxes.dropSpares();
    for (const attached of this.#attached.values()) {
      if (attached.endpoints.some(({ networkId }) => networkId === network.id)) this.#mend(attached);
    }
  }

  /** Before an instance joins. */
  #check(request: JoinRequest): void {
    this.#repairBridge(request.network);
    this.#refuseTakenMac(request);
  }

  #takePorts(
    way: Endpoint | undefined,
    { ports, instanceName }: Pick<AttachRequest, "ports" | "instanceName">,
  ): PublishedPort[] {
    const network = this.#networks.get(way?.networkId ?? "");
    if (network?.driver !== "bridge" || ports.length === 0) return [];
    const { hostAddress } = networkOptions(network);
    for (const port of ports) refuseUnreachable(port, way!);
    const wanted = ports.map((port) => (port.hostAddress === "" ? { ...port, hostAddress } : port));
    return this.#ports.take(wanted, instanceName);
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
}

/** Rewriting cannot change the family of an address, nor lead from the loopback of IPv6 to another interface. */
function refuseUnreachable(
  { hostAddress, containerPort }: PublishRequest,
  { address, address6, networkName }: Endpoint,
): void {
  const family = hostAddress === "" ? undefined : familyOf(hostAddress);
  if (family === 6 && normalIp(hostAddress) === "::1") {
    throw unsupported(`port ${containerPort} cannot be published on ::1`, { hint: "publish it on 127.0.0.1" });
  }
  if (family === undefined || (family === 4 ? address : address6) !== "") return;
  throw invalid(
    `port ${containerPort} cannot be published on ${hostAddress}: network ${networkName} has no IPv${family}`,
  );
}

const sameMac = (a: string, b: string): boolean =>
  a.toLowerCase().replaceAll("-", ":") === b.toLowerCase().replaceAll("-", ":");

const namesOf = (endpoints: readonly Endpoint[]): string[] => endpoints.map((endpoint) => endpoint.interface);
