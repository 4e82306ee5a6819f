import { newId } from "../base/id.ts";
import { formatBlock, parseBlock } from "../base/ip.ts";
import { now } from "../base/time.ts";
import type { NetworkRecord } from "../core/network.ts";
import type { InstanceDeps } from "../engine/instance/deps.ts";
import { firstAddress } from "../engine/network/ipam.ts";
import { interfaceIndex } from "../os/netlink.ts";
import type { DaemonConfig } from "./config.ts";

/** Makes the networks that are always there, once. */
export async function ensurePredefinedNetworks(deps: InstanceDeps, config: DaemonConfig): Promise<void> {
  if (!deps.networks.byName("bridge")) deps.networks.put(await defaultBridge(deps, config));
  for (const driver of ["host", "none"] as const) {
    if (!deps.networks.byName(driver)) deps.networks.put({ ...blank(driver), name: driver });
  }
}

async function defaultBridge(deps: InstanceDeps, { bip, bridge }: DaemonConfig): Promise<NetworkRecord> {
  const block = parseBlock(bip ?? (await deps.networkDriver.pickSubnet(4, [])));
  return {
    ...blank("bridge"),
    bridge: bridge ?? freeBridgeName(),
    pools: [{ subnet: formatBlock(block), gateway: bip ? bip.split("/")[0]! : firstAddress(block) }],
    options: {
      "com.docker.network.bridge.default_bridge": "true",
      "com.docker.network.bridge.enable_icc": "true",
      "com.docker.network.bridge.enable_ip_masquerade": "true",
      "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",
      "com.docker.network.driver.mtu": "1500",
    },
  };
}

const blank = (driver: NetworkRecord["driver"]): NetworkRecord => ({
  id: newId(),
  name: driver,
  driver,
  createdAt: now(),
  bridge: "",
  pools: [],
  labels: {},
  options: {},
  internal: false,
  attachable: false,
  predefined: true,
});

/** `isle0`, or the next number that no other daemon uses. */
function freeBridgeName(): string {
  for (let i = 0; ; i += 1) if (interfaceIndex(`isle${i}`) === 0) return `isle${i}`;
}
