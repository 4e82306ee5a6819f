const names: Readonly<Record<string, string>> = { 1: "icmp", 6: "tcp", 17: "udp", 58: "ipv6-icmp", 132: "sctp" };

/** nft shows protocols by number where the machine has no /etc/protocols. */
export const protocolName = (shown: string): string => names[shown] ?? shown;

/** What `nft list table` prints, without the elements of sets and maps. */
export const withoutElements = (listing: string): string => listing.replaceAll(/\s*elements = \{[^}]*\}/g, "");

/** True when the table has all these elements and, but for elements, looks as it did; false when that is not known. */
export function isIntact(listing: string, elements: Iterable<string>, shown: string | undefined): boolean {
  if (withoutElements(listing) !== shown) return false;
  const present = new Set(
    [...listing.matchAll(/elements = \{([^}]*)\}/g)].flatMap(([, list]) =>
      list!.split(",").map((each) => withNames(each.trim())),
    ),
  );
  return [...elements].every((element) => present.has(withNames(element)));
}

const withNames = (element: string): string =>
  element.replace(/(^| \. )(\d+)(?= \. )/g, (_, before: string, shown: string) => `${before}${protocolName(shown)}`);
