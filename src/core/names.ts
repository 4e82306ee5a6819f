import type { NamedAddress, NetworkRecord } from "./network.ts";

/** Answers name queries on the gateway addresses of networks. */
export interface NameServer {
  /**
   * Begins to answer; quiet when it does already. A network without a bridge needs nothing. Returns the ports that it
   * answers on besides `namePort`, where somebody else has that one.
   */
  serve(network: NetworkRecord): Promise<readonly NamePort[]>;
  forget(networkId: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * Where names are answered. What asks a gateway address on port 53 is led here: that port is for the machine's own name
 * server, which may want it on all addresses.
 */
export const namePort = 30053;

export interface NamePort {
  /** A gateway address of the network. */
  readonly address: string;
  readonly protocol: "udp" | "tcp";
  readonly port: number;
}

/** Who the askers are and what they may know; looked up at each query, so that answers are never stale. */
export interface NameSource {
  /** The instance with this address on the network. */
  asker(networkId: string, address: string): NameAsker | undefined;
}

export interface NameAsker {
  /** Addresses that the name has on networks of the asker; undefined for a name that no instance there has. */
  addresses(name: string): readonly string[] | undefined;
  /** The name of an address; empty when nobody has it, undefined when it is not of the asker's networks. */
  nameOf(address: string): string | undefined;
  /** True when an allow-list of the asker has the name: its addresses are to be learned before the answer is given. */
  follows(name: string): boolean;
  learn(name: string, addresses: readonly NamedAddress[]): Promise<void>;
  /** Servers for all other names; empty when the asker has no way out. */
  servers(): readonly string[];
}
