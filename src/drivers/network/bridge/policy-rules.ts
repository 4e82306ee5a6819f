import { type Family, familyOf } from "../../../base/ip.ts";
import type { Endpoint } from "../../../core/instance.ts";
import type { NamePort } from "../../../core/names.ts";
import type { NetworkRecord } from "../../../core/network.ts";
import type { EgressPolicy, InsidePolicy, PortMatch } from "../../../core/network-policy.ts";

/** Addresses that names of allow-lists had in answers, by the set that holds them. */
export type Learned = ReadonlyMap<string, ReadonlyArray<{ readonly address: string; readonly secondsLeft: number }>>;

export interface PolicyInput {
  readonly networks: readonly NetworkRecord[];
  readonly endpoints: readonly Endpoint[];
  readonly learned: Learned;
  readonly namePorts: readonly NamePort[];
}

const families = [4, 6] as const;

/** Sets, chains and maps for what policies say; the chains of the table jump by the maps. */
export function policyBlocks({ networks, endpoints, learned }: Omit<PolicyInput, "namePorts">): string[] {
  const bridges = networks.filter(({ driver }) => driver === "bridge");
  const limited = endpoints.filter(({ egress }) => egress !== undefined);
  const owners = [
    ...bridges.flatMap(({ id, policy }) => (policy?.egress ? [{ owner: ownerOf(id), egress: policy.egress }] : [])),
    ...limited.map(({ endpointId, egress }) => ({ owner: ownerOf(endpointId), egress: egress! })),
  ];
  return [
    ...denialSets,
    ...deniedChain,
    ...bridges.flatMap((network) => (network.policy?.inside ? insideBlocks(network, endpoints) : [])),
    ...owners.flatMap(({ owner, egress }) => egressBlocks(owner, egress, learned)),
    ...block("map inside", [
      "type ifname . ifname : verdict;",
      ...elements(bridges.map((network) => `"${network.bridge}" . "${network.bridge}" : ${insideVerdict(network)}`)),
    ]),
    ...block("map leaving", [
      "type ifname : verdict;",
      ...elements(
        bridges.filter(({ policy }) => policy?.egress).map(({ id, bridge }) => `"${bridge}" : jump out_${ownerOf(id)}`),
      ),
    ]),
    ...families.flatMap((family) =>
      block(`map leaving${family}`, [
        `type ipv${family}_addr : verdict;`,
        ...elements(limited.flatMap((endpoint) => leavingElement(endpoint, family))),
      ]),
    ),
  ];
}

const denialSets = families.flatMap((family) => [
  ...block(`set denied${family}`, [
    `type ipv${family}_addr . ipv${family}_addr . inet_proto . inet_service;`,
    "size 4096;",
    "flags dynamic,timeout;",
    "timeout 1d;",
  ]),
  ...block(`set denied_other${family}`, [
    `type ipv${family}_addr . ipv${family}_addr . inet_proto;`,
    "size 4096;",
    "flags dynamic,timeout;",
    "timeout 1d;",
  ]),
]);

/** The end of a refused packet: it is written down, then dropped. */
const deniedChain = block("chain denied", [
  "meta nfproto ipv4 meta l4proto { tcp, udp, sctp } update @denied4 { ip saddr . ip daddr . meta l4proto . th dport counter } drop",
  "meta nfproto ipv6 meta l4proto { tcp, udp, sctp } update @denied6 { ip6 saddr . ip6 daddr . meta l4proto . th dport counter } drop",
  "meta nfproto ipv4 update @denied_other4 { ip saddr . ip daddr . meta l4proto counter } drop",
  "meta nfproto ipv6 update @denied_other6 { ip6 saddr . ip6 daddr . meta l4proto counter } drop",
  "drop",
]);

function leavingElement(endpoint: Endpoint, family: Family): string[] {
  const address = family === 4 ? endpoint.address : endpoint.address6;
  return address === "" ? [] : [`${address} : jump out_${ownerOf(endpoint.endpointId)}`];
}

function insideVerdict({ id, policy }: NetworkRecord): string {
  return policy?.inside ? `goto inside_${ownerOf(id)}` : "accept";
}

function insideBlocks(network: NetworkRecord, endpoints: readonly Endpoint[]): string[] {
  const inside = network.policy!.inside!;
  const members = endpoints.filter(({ networkId }) => networkId === network.id);
  const sets = selectorsOf(inside).flatMap((selector, index) =>
    families.flatMap((family) =>
      block(`set ${selectorSet(network, index, family)}`, [
        `type ipv${family}_addr;`,
        ...elements(
          addressesOf(
            members.filter((member) => isSelected(member, selector)),
            family,
          ),
        ),
      ]),
    ),
  );
  return [...sets, ...block(`chain inside_${ownerOf(network.id)}`, insideRules(network, inside))];
}

/** What members of a network must tell each other whatever the policy, or no address could be found. */
const neighbours = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept";

function insideRules(network: NetworkRecord, inside: InsidePolicy): string[] {
  const selectors = selectorsOf(inside);
  const match = (side: "saddr" | "daddr", selector: string, family: Family) =>
    selector === "*" ? "" : `${word(family)} ${side} @${selectorSet(network, selectors.indexOf(selector), family)} `;
  const rules = inside.rules.flatMap(({ verdict, from, to, ports }) =>
    families.flatMap((family) =>
      portMatches(ports).map((port) => {
        const who = `${match("saddr", from, family)}${match("daddr", to, family)}`;
        return `meta nfproto ipv${family} ${who}${port}${verdict === "allow" ? "accept" : "goto denied"}`;
      }),
    ),
  );
  return [neighbours, ...rules, inside.otherwise === "allow" ? "accept" : "goto denied"];
}

/** Elements to add or remove when an instance comes or goes. */
export function memberChange(
  table: string,
  verb: "add" | "delete",
  { endpoint, network }: { endpoint: Endpoint; network: NetworkRecord | undefined },
): string {
  const inside = network?.policy?.inside;
  if (!network || !inside) return "";
  return selectorsOf(inside)
    .flatMap((selector, index) =>
      families.flatMap((family) =>
        isSelected(endpoint, selector)
          ? addressesOf([endpoint], family).map(
              (address) => `${verb} element inet ${table} ${selectorSet(network, index, family)} { ${address} }\n`,
            )
          : [],
      ),
    )
    .join("");
}

function egressBlocks(owner: string, { rules }: EgressPolicy, learned: Learned): string[] {
  const sets = rules.flatMap(({ kind }, index) =>
    kind === "name"
      ? families.flatMap((family) => {
          const name = namesSet(owner, index, family);
          const held = (learned.get(name) ?? []).map(
            ({ address, secondsLeft }) => `${address} timeout ${secondsLeft}s`,
          );
          return block(`set ${name}`, [`type ipv${family}_addr;`, "flags timeout;", ...elements(held)]);
        })
      : [],
  );
  const allowed = rules.flatMap(({ target, kind, ports }, index) => {
    const to =
      kind === "block"
        ? [`${word(familyOf(target))} daddr ${target} `]
        : families.map((family) => `${word(family)} daddr @${namesSet(owner, index, family)} `);
    return to.flatMap((where) => portMatches(ports).map((port) => `${where}${port}return`));
  });
  return [...sets, ...block(`chain out_${owner}`, [...allowed, "goto denied"])];
}

/** Name of the set that holds the addresses of an allow-list's name. */
export const namesSet = (owner: string, index: number, family: Family): string => `names_${owner}_${index}_${family}`;
export const ownerOf = (id: string): string => id.slice(0, 16);

const selectorSet = ({ id }: NetworkRecord, index: number, family: Family): string =>
  `who_${ownerOf(id)}_${index}_${family}`;

const selectorsOf = ({ rules }: InsidePolicy): string[] => [
  ...new Set(rules.flatMap(({ from, to }) => [from, to]).filter((selector) => selector !== "*")),
];

/** `label=KEY` fits whatever the value is. */
const isSelected = ({ tags }: Endpoint, selector: string): boolean =>
  tags.includes(selector) || (/^label=[^=]+$/.test(selector) && tags.some((tag) => tag.startsWith(`${selector}=`)));

const addressesOf = (endpoints: readonly Endpoint[], family: Family): string[] =>
  endpoints.map((endpoint) => (family === 4 ? endpoint.address : endpoint.address6)).filter(Boolean);

/** One condition for each protocol; an empty one for all. */
function portMatches(ports: readonly PortMatch[]): string[] {
  if (ports.length === 0) return [""];
  return [...new Set(ports.map(({ protocol }) => protocol))].map((protocol) => {
    const numbers = mergedRanges(ports.filter((port) => port.protocol === protocol)).map(([first, last]) =>
      first === last ? `${first}` : `${first}-${last}`,
    );
    return `meta l4proto ${protocol} th dport { ${numbers.join(", ")} } `;
  });
}

/** nft takes no ranges that overlap. */
function mergedRanges(ports: readonly PortMatch[]): Array<[first: number, last: number]> {
  const merged: Array<[number, number]> = [];
  for (const { first, last } of [...ports].sort((a, b) => a.first - b.first)) {
    const before = merged.at(-1);
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else merged.push([first, last]);
  }
  return merged;
}

const word = (family: Family): string => (family === 4 ? "ip" : "ip6");

export function block(head: string, lines: readonly string[]): string[] {
  return [`  ${head} {`, ...lines.map((line) => `    ${line}`), "  }"];
}

export const elements = (list: readonly string[]): string[] =>
  list.length > 0 ? [`elements = { ${[...new Set(list)].join(", ")} }`] : [];
