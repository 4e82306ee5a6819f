import type { Endpoint, PublishedPort } from "./instance.ts";
import type { NamePort } from "./names.ts";
import type { Denial, EgressPolicy, NetworkPolicy, RateLimit } from "./network-policy.ts";

/** A network that instances join. `host` and `none` have neither bridge nor subnet. */
export interface NetworkRecord {
  readonly id: string;
  readonly name: string;
  readonly driver: "bridge" | "macvlan" | "ipvlan" | "host" | "none";
  readonly createdAt: string;
  /** Name of the bridge, or of the host's interface that a macvlan or ipvlan stands on. */
  readonly bridge: string;
  /** Addresses are given out of the first with room; empty for host and none. */
  readonly pools: readonly NetworkPool[];
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly policy?: NetworkPolicy | undefined;
  /** Made by the engine itself and not removable. */
  readonly predefined: boolean;
}

/** One subnet of a network, IPv4 or IPv6. */
export interface NetworkPool {
  /** CIDR such as 172.17.0.0/16. */
  readonly subnet: string;
  readonly gateway: string;
  /** CIDR inside the subnet that unasked addresses come from. */
  readonly range?: string;
  /** Addresses never given out, by what they are for. */
  readonly reserved?: Readonly<Record<string, string>>;
}

export interface NetworkRepository {
  get(id: string): NetworkRecord | undefined;
  byName(name: string): NetworkRecord | undefined;
  list(): NetworkRecord[];
  put(network: NetworkRecord): void;
  remove(id: string): void;
}

/**
 * Carries out networks on this machine. All state it makes (bridges, namespaces, rules, leases) can be told from the
 * records, so that `restore` repairs after a crash and removes what no record names.
 */
export interface NetworkDriver {
  /** Picks a subnet free of every live route and of `taken`. */
  pickSubnet(family: 4 | 6, taken: readonly string[]): Promise<string>;
  /** Fails with unsupported when the kernel cannot, with invalid when what it stands on is not there. */
  create(network: NetworkRecord): Promise<void>;
  /** Carries out a changed policy. Fails with unsupported when the machine cannot. */
  setPolicy(network: NetworkRecord): Promise<void>;
  /** Leads what asks a gateway address for names to other ports of it. */
  redirectNames(networkId: string, ports: readonly NamePort[]): Promise<void>;
  /** Attempts that policies stopped, the latest first. */
  denials(): Promise<Denial[]>;
  /** True when an allow-list that holds for the instance has this name, in lower case. */
  followsName(instanceId: string, name: string): boolean;
  /** Opens such allow-lists for the addresses that the name has, for a while. */
  learnName(instanceId: string, name: string, addresses: readonly NamedAddress[]): Promise<void>;
  /** Live routes of the machine, not of its own networks, that these subnets overlap; in words. */
  overlappingRoutes(network: NetworkRecord): string[];
  remove(network: NetworkRecord): Promise<void>;
  /** A network namespace with an interface on each network, in this order; prepared ahead where possible. */
  attach(request: AttachRequest): Promise<Attachment>;
  /** A namespace with loopback only; that of a user namespace where one is given. */
  isolated(instanceId: string, owner?: string): Promise<string>;
  /** Another network for an attached instance. Returns all endpoints, as the change leaves them. */
  connect(instanceId: string, join: JoinRequest): Promise<readonly Endpoint[]>;
  /** Takes an attached instance out of one network. Returns what is left. */
  disconnect(instanceId: string, networkId: string): Promise<readonly Endpoint[]>;
  /** Further published ports for an attached instance; all or none. Returns all endpoints. */
  publish(instanceId: string, requests: readonly PublishRequest[]): Promise<readonly Endpoint[]>;
  /** Takes published ports back. Returns all endpoints. */
  unpublish(instanceId: string, ports: readonly PublishedPort[]): Promise<readonly Endpoint[]>;
  /** Gives the instance other tags, by network id. Returns all endpoints. */
  retag(instanceId: string, tags: ReadonlyMap<string, readonly string[]>): Promise<readonly Endpoint[]>;
  detach(instanceId: string): Promise<void>;
  restore(networks: readonly NetworkRecord[], live: readonly LiveAttachment[]): Promise<void>;
  close(): Promise<void>;
}

export interface AttachRequest {
  readonly instanceId: string;
  /** Tells users who holds a port. */
  readonly instanceName: string;
  readonly joins: readonly JoinRequest[];
  /** Published through the endpoint that has the default route. */
  readonly ports: readonly PublishRequest[];
  /** File of the user namespace whose root rules the network inside; the machine's where there is none. */
  readonly owner?: string | undefined;
}

export interface JoinRequest {
  readonly network: NetworkRecord;
  /** Fixed addresses; chosen where none is named. */
  readonly addresses: readonly string[];
  /** Further addresses of the link alone, given to nobody else by anybody's care. */
  readonly linkLocal?: readonly string[] | undefined;
  /** Name of the interface inside; the next of the network's row without one. */
  readonly interfaceName?: string | undefined;
  readonly mac?: string | undefined;
  /** The default route goes over the network with the highest. */
  readonly gatewayPriority: number;
  readonly tags: readonly string[];
  readonly egress?: EgressPolicy | undefined;
  readonly rate?: RateLimit | undefined;
}

export interface NamedAddress {
  readonly address: string;
  /** For how long the name has it. */
  readonly ttlSeconds: number;
}

export interface PublishRequest {
  readonly containerPort: number;
  readonly protocol: PublishedPort["protocol"];
  /** Empty for all addresses. */
  readonly hostAddress: string;
  /** First and last host port that will do; 0 and 0 for any. */
  readonly hostPort: { readonly first: number; readonly last: number };
}

export interface Attachment {
  readonly netns: string;
  readonly endpoints: readonly Endpoint[];
}

export interface LiveAttachment {
  readonly instanceId: string;
  readonly instanceName: string;
  readonly netns: string | undefined;
  readonly endpoints: readonly Endpoint[];
}
