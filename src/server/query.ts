import { invalid } from "../base/error.ts";

/** Filters as Docker's clients send them: each name with the values any of which fits. */
export type Filters = ReadonlyMap<string, readonly string[]>;

/** The query string of one request, read by type; a value that does not parse is refused by its name. */
export class Query {
  readonly #values: URLSearchParams;

  constructor(values: URLSearchParams) {
    this.#values = values;
  }

  text(name: string): string | undefined {
    return this.#values.get(name) ?? undefined;
  }

  all(name: string): string[] {
    return this.#values.getAll(name);
  }

  /** Anything but empty, 0, no, false and none is true, as Docker reads it. */
  flag(name: string, otherwise = false): boolean {
    const value = this.#values.get(name);
    if (value === null) return otherwise;
    return !["", "0", "no", "false", "none"].includes(value.trim().toLowerCase());
  }

  integer(name: string): number | undefined {
    const value = this.#values.get(name);
    if (value === null || value === "") return undefined;
    if (!/^-?\d{1,15}$/.test(value)) throw invalid(`invalid value for ${name}: "${value}" is not a whole number`);
    return Number(value);
  }

  json(name: string): unknown {
    const value = this.#values.get(name);
    if (value === null || value === "") return undefined;
    try {
      return JSON.parse(value) as unknown;
    } catch (cause) {
      throw invalid(`invalid value for ${name}: not JSON`, { cause });
    }
  }

  /** Both forms of `filters`: `{"label":["a"]}` and the older `{"label":{"a":true}}`. Unknown names are refused. */
  filters(known: readonly string[]): Filters {
    const value = this.json("filters");
    if (value === undefined || value === null) return new Map();
    if (typeof value !== "object" || Array.isArray(value)) throw invalid("invalid filter: want an object of lists");
    const filters = Object.entries(value).map(([name, values]) => {
      if (!known.includes(name)) throw invalid(`invalid filter '${name}'`);
      return [name, filterValues(name, values)] as const;
    });
    return new Map(filters);
  }
}

function filterValues(name: string, values: unknown): string[] {
  if (Array.isArray(values) && values.every((value) => typeof value === "string")) return values;
  if (typeof values !== "object" || values === null || Array.isArray(values)) {
    throw invalid(`invalid filter '${name}': want a list of texts`);
  }
  return Object.entries(values)
    .filter(([, on]) => on)
    .map(([value]) => value);
}
