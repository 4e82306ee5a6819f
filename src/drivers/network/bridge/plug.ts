import { IsleError, invalid, isErrno, messageOf, unsupported } from "../../../base/error.ts";
import { familyOf } from "../../../base/ip.ts";
import type { Endpoint } from "../../../core/instance.ts";
import type { NetworkRecord } from "../../../core/network.ts";
import { interfaceIndex, type Netlink, notSupported } from "../../../os/netlink.ts";
import { isNetns } from "../../../os/netns.ts";
import { addInterface, removeInterface } from "./namespace.ts";
import { networkOptions } from "./options.ts";
import { shape } from "./shape.ts";

/** Makes the interface that an endpoint stands for; nothing is left when it fails. */
export function plug(netlink: Netlink, netns: string, endpoint: Endpoint, network: NetworkRecord): void {
  const { address, prefixLength, address6, prefixLength6, linkLocal = [] } = endpoint;
  const addresses = [
    ...(address === "" ? [] : [{ address, prefixLength }]),
    ...(address6 === "" ? [] : [{ address: address6, prefixLength: prefixLength6 }]),
    ...linkLocal.map((each) => ({ address: each, prefixLength: familyOf(each) === 4 ? 16 : 64 })),
  ];
  const make = network.driver === "bridge" ? addPair : addSubInterface;
  try {
    addInterface(netns, { name: endpoint.interface, addresses }, (netnsFd) =>
      make(netlink, { endpoint, network, netnsFd }),
    );
    shape(netlink, netns, endpoint);
  } catch (error) {
    unplug(netlink, netns, endpoint);
    if (error instanceof IsleError) throw error;
    throw new IsleError("internal", `joining network ${network.name} failed: ${messageOf(error)}`, { cause: error });
  }
}

interface Plug {
  readonly endpoint: Endpoint;
  readonly network: NetworkRecord;
  readonly netnsFd: number;
}

/** A pair of interfaces: one inside, the other on the bridge. */
function addPair(netlink: Netlink, { endpoint, network, netnsFd }: Plug): void {
  const { mtu, icc } = networkOptions(network);
  netlink.addVeth({
    name: endpoint.hostInterface,
    masterIndex: interfaceIndex(network.bridge),
    peerName: endpoint.interface,
    peerMac: endpoint.mac,
    peerNetnsFd: netnsFd,
    ...(mtu && { mtu }),
  });
  if (!icc) netlink.isolate(interfaceIndex(endpoint.hostInterface));
}

/** The kernel's numbers; the first is what Docker takes without a word on it. */
const modes = {
  macvlan: { "": 4, bridge: 4, private: 1, vepa: 2, passthru: 8 },
  ipvlan: { "": 0, l2: 0, l3: 1, l3s: 2 },
} as const;

const modesOf = (kind: "macvlan" | "ipvlan"): string[] => Object.keys(modes[kind]).filter(Boolean);

/** An interface on top of one of the machine's. */
function addSubInterface(netlink: Netlink, { endpoint, network, netnsFd }: Plug): void {
  const { mtu, mode } = networkOptions(network);
  const kind = network.driver as "macvlan" | "ipvlan";
  const parentIndex = interfaceIndex(network.bridge);
  if (parentIndex === 0) throw new IsleError("conflict", `the parent interface ${network.bridge} is gone`);
  const known: Readonly<Record<string, number>> = modes[kind];
  try {
    netlink.addSubInterface({
      kind,
      mode: known[mode] ?? known[""]!,
      parentIndex,
      name: endpoint.interface,
      netnsFd,
      mtu,
      // Those of an ipvlan all have their parent's.
      mac: kind === "macvlan" ? endpoint.mac : undefined,
    });
  } catch (error) {
    if (isErrno(error, ...notSupported)) throw notInKernel(kind);
    throw error;
  }
}

const notInKernel = (kind: string): IsleError =>
  unsupported(`networks of the driver ${kind} are not supported: this kernel has no ${kind}`);

/** Both ends of a pair go with one. */
export function unplug(
  netlink: Netlink,
  netns: string,
  { hostInterface, interface: name }: Pick<Endpoint, "hostInterface" | "interface">,
): void {
  const index = hostInterface === "" ? 0 : interfaceIndex(hostInterface);
  if (index > 0) netlink.deleteLink(index);
  else if (hostInterface === "" && isNetns(netns)) removeInterface(netns, name);
}

/** What a macvlan or ipvlan stands on must be there, and the kernel must know how. */
export function checkParent(netlink: Netlink, { driver, bridge, options }: NetworkRecord): void {
  const kind = driver as "macvlan" | "ipvlan";
  const mode = options[`${kind}_mode`];
  if (mode !== undefined && !modesOf(kind).includes(mode)) {
    throw invalid(`invalid ${kind}_mode: ${mode}`, { hint: `known are ${modesOf(kind).join(", ")}` });
  }
  if (!netlink.knowsKind(kind)) throw notInKernel(kind);
  if (interfaceIndex(bridge) > 0) return;
  throw invalid(`the parent interface ${bridge} does not exist`, { hint: "name one of the machine's with -o parent=" });
}
