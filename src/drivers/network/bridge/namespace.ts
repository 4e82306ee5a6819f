import { closeSync, openSync } from "node:fs";
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
  readonly path: string;
  /** Name of the host's end. */
  readonly hostInterface: string;
  readonly bridge: string;
  readonly address: string;
  readonly prefixLength: number;
  /** Empty for a network without a way out. */
  readonly gateway: string;
  readonly mac: string;
  readonly mtu?: number;
}

/** A namespace that is connected to a bridge as eth0, with address and default route. */
export function makeConnected(host: Netlink, connection: Connection): void {
  const inside = createNetns(connection.path, () => new Netlink());
  const netns = openSync(connection.path, "r");
  try {
    inside.setUp(loopbackIndex);
    host.addVeth({
      name: connection.hostInterface,
      masterIndex: interfaceIndex(connection.bridge),
      peerName: "eth0",
      peerMac: connection.mac,
      peerNetnsFd: netns,
      ...(connection.mtu && { mtu: connection.mtu }),
    });
    configure(inside, connection);
  } finally {
    closeSync(netns);
    inside.close();
  }
}

function configure(inside: Netlink, { path, address, prefixLength, gateway }: Connection): void {
  const index = inNetns(path, () => interfaceIndex("eth0"));
  inside.addAddress(index, address, prefixLength);
  inside.setUp(index);
  if (gateway !== "") inside.addDefaultRoute(gateway);
}
