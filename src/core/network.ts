import type { Endpoint, PublishedPort } from "./instance.ts";

/** A network that instances join. `host` and `none` have neither bridge nor subnet. */
export interface NetworkRecord {
  readonly id: string;
  readonly name: string;
  readonly driver: "bridge" | "host" | "none";
  readonly createdAt: string;
  readonly bridge: string;
  /** CIDR such as 172.17.0.0/16; empty for host and none. */
  readonly subnet: string;
  readonly gateway: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
  readonly internal: boolean;
  readonly attachable: boolean;
  /** Made by the engine itself and not removable. */
  readonly predefined: boolean;
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
  pickSubnet(taken: readonly string[]): Promise<string>;
  create(network: NetworkRecord): Promise<void>;
  remove(network: NetworkRecord): Promise<void>;
  /** A network namespace that is connected, with its address; prepared ahead where possible. */
  attach(request: AttachRequest): Promise<Attachment>;
  /** A namespace with loopback only. */
  isolated(instanceId: string): Promise<string>;
  detach(instanceId: string): Promise<void>;
  restore(networks: readonly NetworkRecord[], live: readonly LiveAttachment[]): Promise<void>;
  close(): Promise<void>;
}

export interface AttachRequest {
  readonly instanceId: string;
  readonly network: NetworkRecord;
  readonly address?: string | undefined;
  readonly mac?: string | undefined;
  readonly ports: readonly PublishRequest[];
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
  readonly endpoint: Endpoint;
}

export interface LiveAttachment {
  readonly instanceId: string;
  readonly netns: string | undefined;
  readonly endpoints: readonly Endpoint[];
}
