/** The text of docs/api-coverage.md, from the routes and the options table of the code. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type OptionSupport, optionSupport } from "../src/engine/instance/option-support.ts";
import { allRoutes } from "../src/server/routes/all.ts";

const root = join(import.meta.dirname, "..");
const words = { works: "works", partly: "partly", refused: "refused", noEffect: "no effect" } as const;

export function apiCoverage(): string {
  const shapes = JSON.parse(readFileSync(join(root, "test/support/api-shapes.json"), "utf8")) as {
    operations: Record<string, unknown>;
  };
  const ours = new Set(allRoutes.map(({ method, path }) => `${method} ${normal(path)}`));
  const operations = Object.keys(shapes.operations).map(
    (operation) => [operation, ours.has(normal(operation))] as const,
  );
  const extra = allRoutes
    .filter(({ path }) => path.startsWith("/isle/"))
    .map(({ method, path }) => `- \`${method} ${path}\``);
  return [
    "# API coverage",
    "",
    "Made by `tools/api-coverage.ts` from the routes and the options table of the code (`npm run docs`). Do not edit.",
    "",
    `The Engine API 1.24 to 1.51: ${operations.filter(([, served]) => served).length} of ${operations.length} operations are served. What is not answers 404.`,
    "",
    "| operation | served |",
    "| --- | --- |",
    ...operations.map(([operation, served]) => `| \`${operation}\` | ${served ? "yes" : "no"} |`),
    "",
    "## isle's own",
    "",
    ...extra,
    "",
    "## Options of `POST /containers/create`",
    "",
    "| option | support | note |",
    "| --- | --- | --- |",
    ...Object.entries<OptionSupport>(optionSupport).map(
      ([name, { support, note = "" }]) => `| ${name} | ${words[support]} | ${note} |`,
    ),
    "",
  ].join("\n");
}

/** Parameters have names of their own on either side. */
function normal(path: string): string {
  return path.replace(/\{[^}]+\}/g, "{}");
}
