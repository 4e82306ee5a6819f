import { closeSync, openSync, readFileSync } from "node:fs";
import { interfaceIndex, Netlink } from "../../../os/netlink.ts";
import { createNetns, inNetns, removeNetns } from "../../../os/netns.ts";
import { makeNetnsOf } from "../../../os/user-namespace.ts";

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

/** The same, ruled by root of a user namespace. */
export async function makeIsolatedOf(owner: string, path: string): Promise<void> {
  try {
    await makeNetnsOf(owner, path);
    withInside(path, (inside) => inside.setUp(loopbackIndex));
  } catch (error) {
    removeNetns(path);
    throw error;
  }
}

export interface Interface {
  /** Name inside. */
  readonly name: string;
  readonly addresses: ReadonlyArray<{ readonly address: string; readonly prefixLength: number }>;
}

/** An interface in the namespace, made by `make` with the namespace's descriptor, with its addresses. */
export function addInterface(netns: string, { name, addresses }: Interface, make: (netnsFd: number) => void): void {
  const descriptor = openSync(netns, "r");
  try {
    make(descriptor);
    withInside(netns, (inside) => {
      const index = interfaceIndex(name);
      for (const { address, prefixLength } of addresses) inside.addAddress(index, address, prefixLength);
      inside.setUp(index);
    });
  } finally {
    closeSync(descriptor);
  }
}

/** Quiet when there is none of that name. */
export function removeInterface(netns: string, name: string): void {
  withInside(netns, (inside) => {
    const index = interfaceIndex(name);
    if (index > 0) inside.deleteLink(index);
  });
}

export interface DefaultRoutes {
  readonly interface: string;
  /** Empty for none of that family. */
  readonly gateway: string;
  readonly gateway6: string;
}

/** Leads everything else over one interface, or nowhere without `routes`. */
export function setDefaultRoutes(netns: string, routes: DefaultRoutes | undefined): void {
  withInside(netns, (inside) => {
    const index = routes ? interfaceIndex(routes.interface) : 0;
    for (const family of [4, 6] as const) {
      const gateway = family === 4 ? routes?.gateway : routes?.gateway6;
      if (gateway) inside.setDefaultRoute(gateway, index);
      else inside.removeDefaultRoute(family);
    }
  });
}

/** Names of the interfaces in a namespace. */
export const interfacesIn = (netns: string): string[] =>
  inNetns(netns, () => readFileSync("/proc/thread-self/net/dev", "utf8"))
    .split("\n")
    .slice(2)
    .flatMap((line) => (line.includes(":") ? [line.split(":")[0]!.trim()] : []));

/** True when a namespace has a default route of either family. */
export const hasDefaultRoute = (netns: string): boolean =>
  inNetns(netns, () => {
    const read = (name: string) => readFileSync(`/proc/thread-self/net/${name}`, "utf8");
    return /\t00000000\t[0-9A-F]{8}\t/.test(read("route")) || /^0{32} 00 .* (?!lo$)\S+$/m.test(read("ipv6_route"));
  });

export function withInside(netns: string, work: (inside: Netlink) => void): void {
  inNetns(netns, () => {
    const inside = new Netlink();
    try {
      work(inside);
    } finally {
      inside.close();
    }
  });
}
