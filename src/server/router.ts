import { invalid, notFound } from "../base/error.ts";
import type { Route } from "./exchange.ts";

interface Compiled<Deps> {
  readonly route: Route<Deps>;
  readonly pattern: RegExp;
  readonly names: string[];
}

export interface Match<Deps> {
  readonly route: Route<Deps>;
  readonly params: Record<string, string>;
}

/** Finds the route of a request. Earlier routes win; routes without parameters are found without a search. */
export class Router<Deps> {
  readonly routes: ReadonlyArray<Route<Deps>>;
  readonly #fixed = new Map<string, Route<Deps>>();
  readonly #patterns: Compiled<Deps>[];

  constructor(routes: ReadonlyArray<Route<Deps>>) {
    this.routes = routes;
    for (const route of routes) if (!route.path.includes("{")) this.#fixed.set(`${route.method} ${route.path}`, route);
    this.#patterns = routes.filter(({ path }) => path.includes("{")).map(compile);
  }

  match(method: string, path: string): Match<Deps> {
    const fixed = this.#fixed.get(`${method} ${path}`);
    if (fixed) return { route: fixed, params: {} };
    for (const { route, pattern, names } of this.#patterns) {
      const found = route.method === method ? pattern.exec(path) : null;
      if (found) return { route, params: Object.fromEntries(names.map((name, i) => [name, decode(found[i + 1]!)])) };
    }
    throw notFound("page not found");
  }
}

function compile<Deps>(route: Route<Deps>): Compiled<Deps> {
  const names: string[] = [];
  const source = route.path.replace(/\{(\w+)(:rest)?\}/g, (_, name: string, rest: string | undefined) => {
    names.push(name);
    return rest ? "(.+)" : "([^/]+)";
  });
  return { route, pattern: new RegExp(`^${source}$`), names };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw invalid(`invalid path: ${text}`, { cause });
  }
}
