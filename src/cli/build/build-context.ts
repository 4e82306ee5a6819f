import { existsSync, readFileSync, statSync } from "node:fs";
import { isAbsolute, join, relative, resolve } from "node:path";
import { hasNegation, ignoring, readPatterns } from "../../base/dockerignore.ts";
import { encodeEntry, endOfArchive, padding } from "../../base/tar/encode.ts";
import { tarEntry } from "../../base/tar/entry.ts";
import { packTree } from "../copy/pack.ts";
import { Exit } from "../exit.ts";

export interface LocalContext {
  /** Path of the Dockerfile in the archive. */
  readonly dockerfile: string;
  readonly archive: AsyncIterable<Uint8Array>;
}

/** The build's files as an archive, without what the .dockerignore leaves out; a Dockerfile from elsewhere is added. */
export function localContext(directory: string, file: string, readInput: () => Promise<string>): LocalContext {
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Exit(1, `isle: unable to prepare context: path "${directory}" not found`);
  }
  const root = resolve(directory);
  const path = file === "" ? join(root, "Dockerfile") : resolve(file);
  const inside = relative(root, path);
  const isOutside = file === "-" || inside.startsWith("..") || isAbsolute(inside);
  if (file !== "-" && !existsSync(path)) {
    throw new Exit(
      1,
      `isle: unable to prepare context: unable to evaluate symlinks in Dockerfile path: lstat ${path}: no such file or directory`,
    );
  }
  const dockerfile = isOutside ? ".dockerfile.isle" : inside;
  const outside = async (): Promise<string | undefined> => {
    if (!isOutside) return undefined;
    return file === "-" ? await readInput() : readFileSync(path, "utf8");
  };
  return { dockerfile, archive: archiveOf(root, { path, dockerfile, outside }) };
}

interface Parts {
  readonly path: string;
  readonly dockerfile: string;
  readonly outside: () => Promise<string | undefined>;
}

async function* archiveOf(root: string, { path, dockerfile, outside }: Parts): AsyncGenerator<Uint8Array, void> {
  const patterns = readIgnore(root, path);
  const ignores = ignoring(patterns);
  const below = hasNegation(patterns) ? "below" : "all";
  const kept = new Set([".", `./${dockerfile}`, "./.dockerignore"]);
  const parents = dockerfile.split("/").map((_, index, parts) => `./${parts.slice(0, index).join("/")}`);
  const skips = (name: string) => {
    if (kept.has(name) || !ignores(name.slice(2))) return "no";
    return parents.includes(name) ? "below" : below;
  };
  yield* packTree(root, { name: ".", followLink: true, skips, asRoot: true });
  const text = await outside();
  if (text !== undefined) {
    const bytes = Buffer.from(text);
    yield encodeEntry(tarEntry(dockerfile, "file", { sizeBytes: bytes.length }));
    yield bytes;
    yield padding(bytes.length);
  }
  yield endOfArchive();
}

/** A Dockerfile's own ignore file goes before the context's. */
function readIgnore(root: string, dockerfile: string): string[] {
  const file = [`${dockerfile}.dockerignore`, join(root, ".dockerignore")].find((each) => existsSync(each));
  return file === undefined ? [] : readPatterns(readFileSync(file, "utf8"));
}
