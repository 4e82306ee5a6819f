import { invalid, unsupported } from "../../base/error.ts";
import type { CacheEntry } from "./cache-usage.ts";

/** One condition for an entry of the cache. Without an operator it is that the entry has the property. */
export interface CacheTerm {
  readonly field: string;
  readonly operator: "" | "==" | "!=" | "~=";
  readonly value: string;
}

type Filtered = Pick<CacheEntry, "id" | "parent" | "type" | "description" | "inUse">;

const texts: Readonly<Record<string, (entry: Filtered) => string>> = {
  id: ({ id }) => id,
  parent: ({ parent }) => parent ?? "",
  parents: ({ parent }) => parent ?? "",
  type: ({ type }) => type,
  description: ({ description }) => description,
};
const properties: Readonly<Record<string, (entry: Filtered) => boolean>> = {
  inuse: ({ inUse }) => inUse,
  shared: ({ inUse }) => inUse,
  private: ({ inUse }) => !inUse,
  mutable: () => false,
  immutable: () => true,
};

/** Reads a filter of BuildKit's clients: conditions with commas between, each `field`, `field==value`, `!=` or `~=`. */
export function parseCacheFilter(text: string): CacheTerm[] {
  const terms = text.match(/(?:"(?:\\.|[^"\\])*"|[^,"])+/g) ?? [];
  return terms.map((term) => {
    const [, field = "", operator = "", value = ""] = /^\s*([a-z]*)\s*(?:(==|!=|~=)([\s\S]*))?$/.exec(term) ?? [];
    return checked({ field, operator: operator as CacheTerm["operator"], value: unquoted(value.trim()) }, term);
  });
}

const unquoted = (text: string): string => (/^".*"$/s.test(text) ? text.slice(1, -1).replace(/\\(.)/g, "$1") : text);

/** Conditions as the API of Docker has them; an id may be the beginning of one. */
export const cacheTerms = (filters: ReadonlyMap<string, readonly string[]>): CacheTerm[] =>
  [...filters].flatMap(([field, values]) =>
    values.map((value) => {
      const operator = field in properties && value === "" ? "" : field === "id" ? "~=" : "==";
      return checked({ field, operator, value }, `${field}=${value}`);
    }),
  );

function checked(term: CacheTerm, written: string): CacheTerm {
  if (!(term.field in texts) && !(term.field in properties)) throw invalid(`invalid filter ${JSON.stringify(written)}`);
  // Patterns of strangers may take forever.
  if (term.operator === "~=" && !/^\^?[\w:.\-/ ]*\$?$/.test(term.value)) {
    throw unsupported(`the pattern ${term.value} of a filter`, { hint: "a plain text, with ^ or $ around it" });
  }
  return term;
}

export const matchesTerms = (terms: readonly CacheTerm[], entry: Filtered): boolean =>
  terms.every((term) => matches(term, entry));

function matches({ field, operator, value }: CacheTerm, entry: Filtered): boolean {
  const property = properties[field];
  if (property) {
    const wanted = operator === "" || /^(1|t|true)$/i.test(value);
    return property(entry) === (operator === "!=" ? !wanted : wanted);
  }
  const text = texts[field]!(entry);
  if (operator === "") return text !== "";
  if (operator === "~=") return contains(text, value);
  return (text === value) === (operator === "==");
}

function contains(text: string, pattern: string): boolean {
  const plain = pattern.replace(/^\^/, "").replace(/\$$/, "");
  if (pattern.startsWith("^") && pattern.endsWith("$")) return text === plain;
  if (pattern.startsWith("^")) return text.startsWith(plain);
  return pattern.endsWith("$") ? text.endsWith(plain) : text.includes(plain);
}
