/** Who may talk to whom on a network, and where it may reach out to. */
export interface NetworkPolicy {
  readonly inside?: InsidePolicy | undefined;
  readonly egress?: EgressPolicy | undefined;
}

/** The first rule that fits decides. */
export interface InsidePolicy {
  readonly otherwise: Verdict;
  readonly rules: readonly InsideRule[];
}

export type Verdict = "allow" | "deny";

export interface InsideRule {
  readonly verdict: Verdict;
  /** `*`, the name or an alias of instances, or `label=KEY=VALUE`. */
  readonly from: string;
  readonly to: string;
  /** Empty for everything. */
  readonly ports: readonly PortMatch[];
}

/** An allow-list: what it does not name cannot be reached. */
export interface EgressPolicy {
  readonly rules: readonly EgressRule[];
}

export interface EgressRule {
  /** A block of addresses in CIDR form, a domain name, or `*.` with a domain name for all names below it. */
  readonly target: string;
  readonly kind: "block" | "name";
  readonly ports: readonly PortMatch[];
}

export interface PortMatch {
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly first: number;
  readonly last: number;
}

/** Bits per second towards the instance and from it. */
export interface RateLimit {
  readonly inBits?: number | undefined;
  readonly outBits?: number | undefined;
}

/** An attempt that a policy stopped. */
export interface Denial {
  readonly source: string;
  readonly destination: string;
  readonly protocol: string;
  /** 0 for a protocol without ports. */
  readonly port: number;
  readonly packets: number;
  /** The latest, RFC 3339. */
  readonly lastAt: string;
}

/** True when a rule's name, such as `*.example.org`, is about this one. Both in lower case. */
export function nameMatches(pattern: string, name: string): boolean {
  return pattern.startsWith("*.") ? name.endsWith(pattern.slice(1)) : name === pattern;
}
