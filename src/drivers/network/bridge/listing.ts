/** What `nft list table` prints, without the elements of sets and maps. */
export const withoutElements = (listing: string): string => listing.replaceAll(/\s*elements = \{[^}]*\}/g, "");

/** True when the table has all these elements and, but for elements, looks as it did; false when that is not known. */
export function isIntact(listing: string, elements: Iterable<string>, shown: string | undefined): boolean {
  if (withoutElements(listing) !== shown) return false;
  const present = new Set(
    [...listing.matchAll(/elements = \{([^}]*)\}/g)].flatMap(([, list]) => list!.split(",").map((each) => each.trim())),
  );
  return [...elements].every((element) => present.has(element));
}
