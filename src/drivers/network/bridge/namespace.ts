import { closeSync, openSync, readFileSync } from "node:fs";
import { interfaceIndex, Netlink } from "../../../os/netlink.ts";
import { createNetns, inNetns } from "../../../os/netns.ts";

const loopbackIndex = 1;

/** A namespace with loopback up, as a file at `path`. */
export function makeIsolated(path: string): void {
  const link = createNetns(path, () => new Netlink());
  try {
    link.setUp(loopbackIndex);
  } finally {
    link.close();
  }
}

export interface Connection {
  readonly netns: string;
  /** Name inside. */
  readonly interface: string;
  /** Name of the host's end. */
  readonly hostInterface: string;
  readonly bridge: string;
  readonly addresses: ReadonlyArray<{ readonly address: string; readonly prefixLength: number }>;
  readonly mac: string;
  readonly mtu?: number | undefined;
}

/** An interface in the namespace, connected to a bridge, with its addresses. */
export function addConnection(host: Netlink, connection: Connection): void {
  const netns = openSync(connection.netns, "r");
  const inside = inNetns(connection.netns, () => new Netlink());
  try {
    host.addVeth({
      name: connection.hostInterface,
      masterIndex: interfaceIndex(connection.bridge),
      peerName: connection.interface,
      peerMac: connection.mac,
      peerNetnsFd: netns,
      ...(connection.mtu && { mtu: connection.mtu }),
    });
    const index = inNetns(connection.netns, () => interfaceIndex(connection.interface));
    for (const { address, prefixLength } of connection.addresses) inside.addAddress(index, address, prefixLength);
    inside.setUp(index);
  } finally {
    closeSync(netns);
    inside.close();
  }
}

export interface DefaultRoutes {
  readonly interface: string;
  /** Empty for none of that family. */
  readonly gateway: string;
  readonly gateway6: string;
}

/** Leads everything else over one interface, or nowhere without `routes`. */
export function setDefaultRoutes(netns: string, routes: DefaultRoutes | undefined): void {
  inNetns(netns, () => {
    const inside = new Netlink();
    try {
      const index = routes ? interfaceIndex(routes.interface) : 0;
      for (const family of [4, 6] as const) {
        const gateway = family === 4 ? routes?.gateway : routes?.gateway6;
        if (gateway) inside.setDefaultRoute(gateway, index);
        else inside.removeDefaultRoute(family);
      }
    } finally {
      inside.close();
    }
  });
}

/** Names of the interfaces in a namespace. */
export const interfacesIn = (netns: string): string[] =>
  inNetns(netns, () => readFileSync("/proc/thread-self/net/dev", "utf8"))
    .split("\n")
    .slice(2)
    .flatMap((line) => (line.includes(":") ? [line.split(":")[0]!.trim()] : []));
