import { createHash } from "node:crypto";
import { familyOf } from "../base/ip.ts";
import type { Logger } from "../base/log.ts";
import type { NameServer } from "../core/names.ts";
import type { NetworkDriver } from "../core/network.ts";
import { DnsServer } from "../drivers/names/dns/dns-server.ts";
import { BridgeNetwork } from "../drivers/network/bridge/bridge-network.ts";
import { type AddressPool, defaultPools } from "../drivers/network/bridge/subnet.ts";
import { createNameSource } from "../engine/network/names.ts";
import { readTextIfPresent } from "../os/files.ts";
import type { DaemonConfig } from "./config.ts";
import type { DaemonPaths } from "./paths.ts";
import { requireProgram } from "./programs.ts";

interface Surroundings {
  readonly config: DaemonConfig;
  readonly paths: DaemonPaths;
  readonly log: Logger;
}

/** The drivers that make networks and answer names on them. */
export function createNetworking(
  deps: Omit<Parameters<typeof createNameSource>[0], "networkDriver">,
  { config, paths, log }: Surroundings,
): { networkDriver: NetworkDriver; names: NameServer } {
  const networkDriver = new BridgeNetwork({
    netnsDir: paths.netns,
    table: tableName(paths),
    interfacePrefix: "veth",
    pools: poolsOf(config, paths),
    spares: 4,
    nft: requireProgram("nft", "nftables"),
    log,
  });
  return { networkDriver, names: new DnsServer(createNameSource({ ...deps, networkDriver }), log) };
}

/** Those of the configuration; for a family that it does not name, the usual ones. */
function poolsOf({ addressPools }: DaemonConfig, paths: DaemonPaths): AddressPool[] {
  const has = (family: 4 | 6) => addressPools.some(({ base }) => familyOf(base) === family);
  return [...addressPools, ...(has(4) ? [] : defaultPools), ...(has(6) ? [] : [privatePool(paths)])];
}

/** A block of private IPv6 addresses (RFC 4193) that stays the same and that hardly another machine has. */
function privatePool({ database }: DaemonPaths): AddressPool {
  const seed = createHash("sha256")
    .update(`${readTextIfPresent("/etc/machine-id") ?? ""} ${database}`)
    .digest("hex");
  return { base: `fd${seed.slice(0, 2)}:${seed.slice(2, 6)}:${seed.slice(6, 10)}::/48`, size: 64 };
}

/** Daemons with other roots have tables of their own. */
function tableName({ database }: DaemonPaths): string {
  if (database === "/var/lib/isle/isle.db") return "isle";
  return `isle_${createHash("sha256").update(database).digest("hex").slice(0, 8)}`;
}
