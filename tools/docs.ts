/**
 * Keeps the documents true: generated ones are what their generators make, paths they name exist, every error code is
 * explained. `--write` brings the generated ones up to date.
 */
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { generatedDocuments } from "./generated-documents.ts";

const root = dirname(import.meta.dirname);
const read = (file: string): string => (existsSync(join(root, file)) ? readFileSync(join(root, file), "utf8") : "");

const complaints = [...(await staleDocuments(process.argv.includes("--write"))), ...lostPaths(), ...untoldErrorCodes()];
for (const line of complaints) console.log(line);
process.exit(complaints.length === 0 ? 0 : 1);

async function staleDocuments(write: boolean): Promise<string[]> {
  const stale: string[] = [];
  for (const { file, generate } of generatedDocuments) {
    const fresh = await generate();
    if (fresh === undefined || fresh === read(file)) continue;
    if (write) writeFileSync(join(root, file), fresh);
    else stale.push(`${file}: not what its generator makes: run "npm run docs"`);
  }
  return stale;
}

/** Paths in backticks that begin with a directory of the repository. `<name>` and `*` stand for anything. */
function lostPaths(): string[] {
  const documents = globSync(["*.md", "docs/**/*.md"], { cwd: root }).filter((file) => file !== "docs/cli.md");
  return documents.flatMap((document) =>
    [...read(document).matchAll(/`((?:src|test|tools|docs|packaging|\.ci)\/[^`\s:#]*)`/g)]
      .map(([, path]) => path!)
      .filter((path) => !isThere(path))
      .map((path) => `${document}: names ${path}, which is not there`),
  );
}

function isThere(path: string): boolean {
  if (/[<*{]/.test(path)) return globSync(path.replaceAll(/<[^>]+>/g, "*"), { cwd: root }).length > 0;
  return existsSync(join(root, path));
}

function untoldErrorCodes(): string[] {
  const union = /type ErrorCode =([^;]+)/.exec(read("src/base/error.ts").replaceAll(/\/\/.*$/gm, ""))?.[1] ?? "";
  const codes = [...union.matchAll(/"(\w+)"/g)].map(([, code]) => code!);
  if (codes.length === 0) return ["src/base/error.ts: no error codes found"];
  const told = read("docs/errors.md");
  return codes.filter((code) => !told.includes(`\`${code}\``)).map((code) => `docs/errors.md: nothing about ${code}`);
}
