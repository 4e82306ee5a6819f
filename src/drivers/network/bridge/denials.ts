import type { Denial } from "../../../core/network-policy.ts";
import { protocolName } from "./listing.ts";
import type { Learned } from "./policy-rules.ts";

interface ListedElement {
  readonly val?: { readonly concat?: ReadonlyArray<string | number> } | string;
  readonly timeout?: number;
  readonly expires?: number;
  readonly counter?: { readonly packets: number };
}

interface ListedSet {
  readonly name: string;
  readonly elem?: ReadonlyArray<{ readonly elem?: ListedElement } | string>;
}

/** What the table noted by itself: refused attempts, and addresses that names have. */
export interface Notes {
  readonly denials: Denial[];
  readonly learned: Learned;
}

/** Reads `nft --json list table`; `now` in milliseconds. */
export function readNotes(json: string, now: number): Notes {
  const { nftables } = JSON.parse(json) as { nftables: ReadonlyArray<{ set?: ListedSet }> };
  const sets = nftables.flatMap(({ set }) => (set ? [set] : []));
  const learned = sets
    .filter(({ name }) => name.startsWith("names_"))
    .map((set) => [set.name, elementsOf(set).flatMap(learnedAddress)] as const);
  return {
    denials: sets
      .filter(({ name }) => name.startsWith("denied"))
      .flatMap((set) => elementsOf(set).flatMap((each) => denial(each, now))),
    learned: new Map(learned),
  };
}

const elementsOf = ({ elem = [] }: ListedSet): ListedElement[] =>
  elem.flatMap((entry) => (typeof entry === "object" && entry.elem ? [entry.elem] : []));

function denial({ val, timeout = 0, expires = 0, counter }: ListedElement, now: number): Denial[] {
  if (typeof val !== "object" || !val.concat) return [];
  const [source = "", destination = "", protocol = "", port = 0] = val.concat;
  return [
    {
      source: String(source),
      destination: String(destination),
      protocol: protocolName(String(protocol)),
      port: Number(port),
      packets: counter?.packets ?? 0,
      lastAt: new Date(now - (timeout - expires) * 1000).toISOString(),
    },
  ];
}

const learnedAddress = ({ val, expires = 0 }: ListedElement) =>
  typeof val === "string" && expires > 0 ? [{ address: val, secondsLeft: expires }] : [];

const keyOf = ({ source, destination, protocol, port }: Denial): string =>
  `${source} ${destination} ${protocol} ${port}`;
const maxKept = 4096;

/** Attempts noted before the table was last written, and those since; the latest first. */
export function mergeDenials(before: readonly Denial[], since: readonly Denial[]): Denial[] {
  const merged = new Map(before.map((each) => [keyOf(each), each]));
  for (const each of since) {
    const packets = each.packets + (merged.get(keyOf(each))?.packets ?? 0);
    merged.set(keyOf(each), { ...each, packets });
  }
  return [...merged.values()].sort((a, b) => (a.lastAt < b.lastAt ? 1 : -1)).slice(0, maxKept);
}
