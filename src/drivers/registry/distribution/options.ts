/** How registries are reached. Hosts are `name`, `name:port` or an address. */
export interface DistributionOptions {
  /** Base URLs asked before docker.io, in order. */
  readonly mirrors?: readonly string[];
  /** Hosts, `host:port` or CIDR blocks that may answer with an unverified certificate or over plain HTTP. */
  readonly insecureRegistries?: readonly string[];
  /** Directories of `HOST[:PORT]/{ca.crt,*.crt,client.cert,client.key}`; the first that has the host wins. */
  readonly certsDirs?: readonly string[];
  readonly userAgent?: string;
  /** Attempts for one request that failed for a passing reason. */
  readonly maxAttempts?: number;
  /** First pause between attempts; doubles each time. */
  readonly retryDelayMs?: number;
  /** A connection on which nothing moves for so long is given up. */
  readonly idleTimeoutMs?: number;
}

export const defaultCertsDirs = ["/etc/docker/certs.d", "/etc/isle/certs.d"];
