import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { isErrno, unsupported } from "../../../base/error.ts";
import { familyOf, parseBlock } from "../../../base/ip.ts";
import type { NetworkRecord } from "../../../core/network.ts";
import { interfaceIndex, type Netlink } from "../../../os/netlink.ts";
import { run } from "../../../os/process.ts";
import { networkOptions } from "./options.ts";

/** Makes the bridge of a network as its record says; quiet about what is there already. */
export function makeBridge(netlink: Netlink, network: NetworkRecord): void {
  const { bridge, pools } = network;
  if (interfaceIndex(bridge) === 0) netlink.addBridge(bridge, networkOptions(network).mtu);
  const index = interfaceIndex(bridge);
  // Else a bridge has the least of its members' and gets another when one leaves, which the others learn late.
  netlink.setMac(index, macOfBridge(network));
  if (pools.some(({ subnet }) => familyOf(subnet) === 6)) enableIpv6(bridge);
  for (const { gateway, subnet } of pools) {
    if (gateway !== "") netlink.addAddress(index, gateway, parseBlock(subnet).prefixLength);
  }
  netlink.setUp(index);
  if (network.policy?.inside) filterInside(netlink, network);
  // Lets connections to a published port over 127.0.0.1 reach the workload.
  writeFileSync(`/proc/sys/net/ipv4/conf/${bridge}/route_localnet`, "1");
}

const macOfBridge = ({ id }: NetworkRecord): string => `02:42:${id.slice(0, 8).match(/../g)!.join(":")}`;

/** Lets the firewall see what members of a bridge send each other; without a policy it need not. */
export function filterInside(netlink: Netlink, { bridge, policy }: NetworkRecord): void {
  netlink.filterBridged(interfaceIndex(bridge), policy?.inside !== undefined);
}

const bridgeFilter = "/proc/sys/net/bridge/bridge-nf-call-";

/** Rules inside a network need the kernel to show bridged packets to the firewall; unsupported where it cannot. */
export async function prepareFilter({ policy }: NetworkRecord): Promise<void> {
  if (!policy?.inside || existsSync(`${bridgeFilter}iptables`)) return;
  const { exitCode } = await run("modprobe", ["br_netfilter"]).catch(() => ({ exitCode: 1 }));
  // Bridges of others stay as they were.
  for (const kind of exitCode === 0 ? ["iptables", "ip6tables", "arptables"] : []) setSwitch(bridgeFilter + kind, "0");
  if (existsSync(`${bridgeFilter}iptables`)) return;
  throw unsupported("rules inside a network need br_netfilter, which this kernel does not have");
}

export const isThere = ({ bridge }: NetworkRecord): boolean => interfaceIndex(bridge) > 0;

export function removeBridge(netlink: Netlink, { bridge }: NetworkRecord): void {
  const index = interfaceIndex(bridge);
  if (index > 0) netlink.deleteLink(index);
}

export function enableForwarding(): void {
  setSwitch("/proc/sys/net/ipv4/ip_forward");
}

const ipv6 = "/proc/sys/net/ipv6/conf";

function enableIpv6(bridge: string): void {
  setSwitch(`${ipv6}/${bridge}/disable_ipv6`, "0");
  if (readSwitch(`${ipv6}/all/forwarding`) === "1") return;
  // A machine that forwards would take no more routes from its routers, unless told to.
  for (const name of existsSync(ipv6) ? readdirSync(ipv6) : []) {
    if (readSwitch(`${ipv6}/${name}/accept_ra`) === "1") setSwitch(`${ipv6}/${name}/accept_ra`, "2");
  }
  setSwitch(`${ipv6}/all/forwarding`);
}

const readSwitch = (path: string): string => (existsSync(path) ? readFileSync(path, "utf8").trim() : "");

function setSwitch(path: string, value = "1"): void {
  if (!existsSync(path) || readSwitch(path) === value) return;
  try {
    writeFileSync(path, value);
  } catch (error) {
    if (!isErrno(error, "EROFS", "EACCES")) throw error;
  }
}
