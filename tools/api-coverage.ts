import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { allRoutes } from "../src/server/routes/all.ts";
import shapes from "../test/support/api-shapes.json" with { type: "json" };

interface Shape {
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly allOf?: ReadonlyArray<Shape & { $ref?: string }>;
}

const root = dirname(import.meta.dirname);
const definitions = shapes.definitions as unknown as Readonly<Record<string, Shape>>;

/** What of the Engine API the code serves, as Markdown: operations from the routes, options from who reads them. */
export function apiCoverage(): string {
  const sources = globSync(["src/engine/**/*.ts", "src/server/**/*.ts"], { cwd: root })
    .filter((file) => !file.endsWith(".test.ts"))
    .sort()
    .map((file) => ({ file, text: readFileSync(join(root, file), "utf8") }));
  return [
    "# Coverage of the Engine API",
    "",
    "Made by `tools/api-coverage.ts` from the routes, the published specification of version 1.51 and the code that",
    "reads each option. Versions 1.24 to 1.51 are answered.",
    "",
    ...operations(),
    ...options("ContainerConfig", sources),
    ...options("HostConfig", sources),
  ].join("\n");
}

const anyName = (path: string): string => path.replaceAll(/\{[^}]*\}/g, "{}");

function operations(): string[] {
  const served = new Set(allRoutes.map(({ method, path }) => `${method} ${anyName(path)}`));
  const known = Object.keys(shapes.operations);
  const isServed = (operation: string): boolean => served.has(anyName(operation));
  const inSpecification = new Set(known.map(anyName));
  const own = allRoutes.filter(({ method, path }) => !inSpecification.has(`${method} ${anyName(path)}`));
  return [
    "## Operations",
    "",
    `${known.filter(isServed).length} of ${known.length} are served; the others answer 404 "page not found".`,
    "",
    "| operation | served |",
    "|---|---|",
    ...known.sort().map((operation) => `| \`${operation}\` | ${isServed(operation) ? "yes" : "no"} |`),
    "",
    "Beside them:",
    "",
    ...own.map(({ method, path }) => `- \`${method} ${path}\``).sort(),
    "",
  ];
}

interface Source {
  readonly file: string;
  readonly text: string;
}

function options(definition: string, sources: readonly Source[]): string[] {
  const rows = members(definitions[definition]!).map((name) => {
    const readers = sources.filter(({ text }) => new RegExp(`\\b${name}\\b`).test(text)).map(({ file }) => file);
    const refusals = sources.map(({ text }) => refusalOf(name, text)).filter(Boolean);
    const note = refusals[0] ? `refused by name where it cannot be done: ${refusals[0]}` : "";
    return `| \`${name}\` | ${readers.length === 0 ? "accepted, without effect" : `\`${readers[0]}\``} | ${note} |`;
  });
  return [`## Options: ${definition}`, "", "| option | read first by | limits |", "|---|---|---|", ...rows, ""];
}

function members({ properties = {}, allOf = [] }: Shape): string[] {
  const inherited = allOf.flatMap((part) => members(part.$ref ? definitions[part.$ref.split("/").at(-1)!]! : part));
  return [...new Set([...inherited, ...Object.keys(properties)])];
}

/** The message with which an option is refused: that of the first block that reads it and throws `unsupported`. */
function refusalOf(name: string, text: string): string | undefined {
  for (const block of text.split("\n  }\n")) {
    const at = block.indexOf("throw unsupported(");
    if (at < 0 || !new RegExp(`\\bhost\\.${name}\\b`).test(block.slice(0, at))) continue;
    return /["`](.*)["`]/.exec(block.slice(at))?.[1]?.replaceAll(/\$\{[^}]*\}/g, "…");
  }
  return undefined;
}
