import { type Family, familyOf } from "../../../base/ip.ts";
import type { Endpoint, PublishedPort } from "../../../core/instance.ts";
import { type NamePort, namePort } from "../../../core/names.ts";
import type { NetworkRecord } from "../../../core/network.ts";
import { networkOptions } from "./options.ts";
import { block, elements, type PolicyInput, policyBlocks } from "./policy-rules.ts";

/** One published port of one family, with the address that it leads to. */
export interface Forward extends PublishedPort {
  readonly family: Family;
  readonly address: string;
  /** Reached at its own address, without one of the host. */
  readonly routed: boolean;
}

export function forwardsOf({ address, address6, ports }: Endpoint, network: NetworkRecord | undefined): Forward[] {
  const isRouted = network ? networkOptions(network).isRouted : () => false;
  const of = (port: PublishedPort, family: Family, to: string): Forward[] =>
    to && fits(port, family) ? [{ ...port, family, address: to, routed: isRouted(family) }] : [];
  return ports.flatMap((port) => [...of(port, 4, address), ...of(port, 6, address6)]);
}

const fits = ({ hostAddress }: PublishedPort, family: Family): boolean =>
  hostAddress === "" || familyOf(hostAddress) === family;

/**
 * The whole table, replaced in one transaction. Published ports are elements of maps and networks elements of sets, so
 * that a packet is looked up a fixed number of times however many there are. Addresses are rewritten on the way in,
 * never on the way back, so the workload sees its client; only connections over the host's loopback and from a network
 * to itself get the bridge's address.
 */
export function tableRules(table: string, { networks, endpoints, learned, namePorts }: PolicyInput): string {
  const byId = new Map(networks.map((network) => [network.id, network]));
  const forwards = endpoints.flatMap((endpoint) => forwardsOf(endpoint, byId.get(endpoint.networkId)));
  const bridges = networks.filter(({ driver }) => driver === "bridge");
  const lines = [
    `table inet ${table}`,
    `delete table inet ${table}`,
    `table inet ${table} {`,
    ...([4, 6] as const).flatMap((family) => publishedMaps(family, forwards)),
    ...nameSets(bridges),
    ...policyBlocks({ networks, endpoints, learned }),
    ...bridges.flatMap(sourceChain),
    ...([4, 6] as const).flatMap((family) => sourceMap(family, bridges)),
    ...([4, 6] as const).flatMap((family) => nameMap(family, bridges, namePorts)),
    ...publishing,
    ...filtering,
    "}",
  ];
  return `${lines.join("\n")}\n`;
}

function publishedMaps(family: Family, forwards: readonly Forward[]): string[] {
  const mine = forwards.filter((forward) => forward.family === family && !forward.routed);
  const routed = forwards.filter((forward) => forward.family === family && forward.routed);
  const to = `ipv${family}_addr . inet_service`;
  return [
    ...block(`map ports${family}`, [
      `type inet_proto . inet_service : ${to};`,
      ...elements(mine.filter(({ hostAddress }) => isAny(hostAddress)).map(anyElement)),
    ]),
    ...block(`map addressed${family}`, [
      `type ipv${family}_addr . inet_proto . inet_service : ${to};`,
      ...elements(mine.filter(({ hostAddress }) => !isAny(hostAddress)).map(addressedElement)),
    ]),
    ...block(`set routed${family}`, [
      `type ipv${family}_addr . inet_proto . inet_service;`,
      ...elements(routed.map(routedElement)),
    ]),
  ];
}

/** `open`: reached through published ports. `closed`: internal, without any way. */
function nameSets(bridges: readonly NetworkRecord[]): string[] {
  const names = (list: readonly NetworkRecord[]) => elements(list.map(({ bridge }) => `"${bridge}"`));
  return [
    ...block("set bridges", ["type ifname;", ...names(bridges)]),
    ...block("set open", ["type ifname;", ...names(bridges.filter(({ internal }) => !internal))]),
    ...block("set closed", ["type ifname;", ...names(bridges.filter(({ internal }) => internal))]),
  ];
}

const gatewaysOf = (bridges: readonly NetworkRecord[], family: Family): string[] =>
  bridges.flatMap(({ pools }) => pools.map(({ gateway }) => gateway)).filter((each) => familyOf(each) === family);

/** What comes from a network and leaves it gets an address that the world can answer. */
function sourceChain(network: NetworkRecord): string[] {
  const { bridge, pools, internal } = network;
  const hairpin = pools.map(({ subnet }) => `${ipWord(subnet)} daddr ${subnet} ct status dnat masquerade`);
  const { masquerades } = networkOptions(network);
  const out = ([4, 6] as const)
    .filter((family) => !internal && masquerades(family))
    .map((family) => `meta nfproto ipv${family} oifname != "${bridge}" masquerade`);
  return block(`chain ${chainOf(network)}`, [...out, ...hairpin]);
}

function sourceMap(family: Family, bridges: readonly NetworkRecord[]): string[] {
  const sources = bridges.flatMap((network) =>
    network.pools
      .filter(({ subnet }) => familyOf(subnet) === family)
      .map(({ subnet }) => `${subnet} : goto ${chainOf(network)}`),
  );
  return block(`map sources${family}`, [`type ipv${family}_addr : verdict;`, "flags interval;", ...elements(sources)]);
}

/** Where names are answered, by gateway address: a port of the engine's instead of the usual one. */
function nameMap(family: Family, bridges: readonly NetworkRecord[], namePorts: readonly NamePort[]): string[] {
  const portOf = (address: string, protocol: string) =>
    namePorts.find((each) => each.address === address && each.protocol === protocol)?.port ?? namePort;
  const mine = gatewaysOf(bridges, family).flatMap((address) =>
    ["udp", "tcp"].map((protocol) => `${address} . ${protocol} : ${address} . ${portOf(address, protocol)}`),
  );
  return block(`map names${family}`, [
    `type ipv${family}_addr . inet_proto : ipv${family}_addr . inet_service;`,
    ...elements(mine),
  ]);
}

const publishing = [
  ...block("chain publish", [
    "meta nfproto ipv4 dnat ip to ip daddr . meta l4proto . th dport map @addressed4",
    "meta nfproto ipv4 dnat ip to meta l4proto . th dport map @ports4",
    // What has this source cannot leave the machine: better refused at once, so that a client turns to 127.0.0.1.
    "ip6 daddr ::1 return",
    "meta nfproto ipv6 dnat ip6 to ip6 daddr . meta l4proto . th dport map @addressed6",
    "meta nfproto ipv6 dnat ip6 to meta l4proto . th dport map @ports6",
  ]),
  ...block("chain prerouting", [
    "type nat hook prerouting priority dstnat;",
    "iifname @bridges meta l4proto { tcp, udp } th dport 53 dnat ip to ip daddr . meta l4proto map @names4",
    "iifname @bridges meta l4proto { tcp, udp } th dport 53 dnat ip6 to ip6 daddr . meta l4proto map @names6",
    "fib daddr type local jump publish",
  ]),
  ...block("chain output", ["type nat hook output priority -100;", "fib daddr type local jump publish"]),
  ...block("chain postrouting", [
    "type nat hook postrouting priority srcnat;",
    "ip saddr 127.0.0.0/8 oifname @bridges masquerade",
    "ip saddr vmap @sources4",
    "ip6 saddr vmap @sources6",
  ]),
];

/**
 * Inside a network and out of it as its policy says. Into a network from elsewhere only through a published port; an
 * internal one is closed both ways. What goes to the machine itself is egress, too, but for its name server. Accepting
 * ends our chain only: the host's own firewall still has its say.
 */
const filtering = [
  ...block("chain forward", [
    "type filter hook forward priority filter;",
    "ct state established,related accept",
    "iifname . oifname vmap @inside",
    "iifname @closed drop",
    "iifname vmap @leaving",
    "ip saddr vmap @leaving4",
    "ip6 saddr vmap @leaving6",
    "oifname @open ct status dnat accept",
    "ip daddr . meta l4proto . th dport @routed4 accept",
    "ip6 daddr . meta l4proto . th dport @routed6 accept",
    "oifname @bridges drop",
  ]),
  ...block("chain input", [
    "type filter hook input priority filter;",
    "ct state established,related accept",
    "iifname != @bridges accept",
    "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept",
    "meta l4proto { tcp, udp } th dport 53 accept",
    "meta l4proto { tcp, udp } ct status dnat ct original proto-dst 53 accept",
    "iifname vmap @leaving",
    "ip saddr vmap @leaving4",
    "ip6 saddr vmap @leaving6",
  ]),
];

/** Adds or removes the elements of some forwards. */
export function forwardChange(table: string, verb: "add" | "delete", forwards: readonly Forward[]): string {
  return forwards
    .map((forward) => {
      const [holder, element] = placeOf(forward);
      const shown = verb === "add" ? element : element.split(" : ")[0];
      return `${verb} element inet ${table} ${holder}${forward.family} { ${shown} }\n`;
    })
    .join("");
}

export function placeOf(forward: Forward): [holder: string, element: string] {
  if (forward.routed) return ["routed", routedElement(forward)];
  return isAny(forward.hostAddress) ? ["ports", anyElement(forward)] : ["addressed", addressedElement(forward)];
}

const chainOf = ({ id }: NetworkRecord): string => `from_${id.slice(0, 16)}`;
const ipWord = (subnet: string): string => (familyOf(subnet) === 4 ? "ip" : "ip6");
const isAny = (address: string): boolean => ["", "0.0.0.0", "::"].includes(address);
const anyElement = ({ protocol, hostPort, address, containerPort }: Forward): string =>
  `${protocol} . ${hostPort} : ${address} . ${containerPort}`;
const routedElement = ({ address, protocol, containerPort }: Forward): string =>
  `${address} . ${protocol} . ${containerPort}`;
const addressedElement = (forward: Forward): string => `${forward.hostAddress} . ${anyElement(forward)}`;
