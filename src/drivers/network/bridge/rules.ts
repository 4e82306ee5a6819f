import type { Endpoint, PublishedPort } from "../../../core/instance.ts";
import type { NetworkRecord } from "../../../core/network.ts";

/** One published port, with the address that it leads to. */
export interface Forward extends PublishedPort {
  readonly address: string;
}

export const forwardsOf = ({ address, ports }: Endpoint): Forward[] => ports.map((port) => ({ ...port, address }));

/**
 * The whole table, replaced in one transaction. Published ports are elements of two maps, so that a packet is looked
 * up once however many there are. Addresses are rewritten on the way in, never on the way back, so the workload sees
 * its client; only connections over the host's loopback and from the workload to itself get the bridge's address.
 */
export function tableRules(table: string, networks: readonly NetworkRecord[], forwards: readonly Forward[]): string {
  const bridges = networks.filter(({ driver }) => driver === "bridge");
  const v4 = forwards.filter(isIpv4);
  const lines = [
    `table ip ${table}`,
    `delete table ip ${table}`,
    `table ip ${table} {`,
    "  map ports { type inet_proto . inet_service : ipv4_addr . inet_service;",
    ...elements(v4.filter(({ hostAddress }) => isAny(hostAddress)).map(anyElement)),
    "  }",
    "  map addressed { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service;",
    ...elements(v4.filter(({ hostAddress }) => !isAny(hostAddress)).map(addressedElement)),
    "  }",
    "  chain publish {",
    "    dnat ip to ip daddr . meta l4proto . th dport map @addressed",
    "    dnat ip to meta l4proto . th dport map @ports",
    "  }",
    "  chain prerouting { type nat hook prerouting priority dstnat; fib daddr type local jump publish; }",
    "  chain output { type nat hook output priority -100; fib daddr type local jump publish; }",
    "  chain postrouting { type nat hook postrouting priority srcnat;",
    ...bridges.flatMap(masquerade),
    "  }",
    "  chain forward { type filter hook forward priority filter;",
    "    ct state established,related accept",
    ...bridges.flatMap(isolation),
    "  }",
    "}",
  ];
  return `${lines.join("\n")}\n`;
}

function masquerade({ bridge, subnet, internal }: NetworkRecord): string[] {
  const out = internal ? [] : [`    ip saddr ${subnet} oifname != "${bridge}" masquerade`];
  return [
    ...out,
    `    ip saddr 127.0.0.0/8 oifname "${bridge}" masquerade`,
    `    ip saddr ${subnet} ip daddr ${subnet} ct status dnat masquerade`,
  ];
}

/**
 * Into a network from elsewhere only through a published port; an internal one is closed both ways. `ct status dnat`
 * tests one bit, its negation would compare all of them, hence an accept before the drop. Accepting ends our chain
 * only: the host's own firewall still has its say.
 */
function isolation({ bridge, internal }: NetworkRecord): string[] {
  const published = internal ? [] : [`    oifname "${bridge}" ct status dnat accept`];
  return [
    ...published,
    `    iifname != "${bridge}" oifname "${bridge}" drop`,
    ...(internal ? [`    iifname "${bridge}" oifname != "${bridge}" drop`] : []),
  ];
}

/** Adds or removes the elements of some forwards. */
export function forwardChange(table: string, verb: "add" | "delete", forwards: readonly Forward[]): string {
  return forwards
    .filter(isIpv4)
    .map((forward) => {
      const [map, element] = isAny(forward.hostAddress)
        ? ["ports", anyElement(forward)]
        : ["addressed", addressedElement(forward)];
      const key = verb === "add" ? element : element.split(" : ")[0];
      return `${verb} element ip ${table} ${map} { ${key} }\n`;
    })
    .join("");
}

const isAny = (address: string): boolean => address === "" || address === "0.0.0.0";
const isIpv4 = ({ hostAddress }: Forward): boolean => !hostAddress.includes(":");
const anyElement = ({ protocol, hostPort, address, containerPort }: Forward): string =>
  `${protocol} . ${hostPort} : ${address} . ${containerPort}`;
const addressedElement = (forward: Forward): string => `${forward.hostAddress} . ${anyElement(forward)}`;
const elements = (list: string[]): string[] => (list.length > 0 ? [`    elements = { ${list.join(", ")} }`] : []);
