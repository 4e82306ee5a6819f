import { createHash, randomUUID } from "node:crypto";
import { existsSync, readFileSync, type Stats, statSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { isAbsolute, join, relative, resolve } from "node:path";
import { type ContextFacts, factsEntry } from "../../base/context-facts.ts";
import { hasNegation, ignoring, readPatterns } from "../../base/dockerignore.ts";
import { encodeFile, endOfArchive } from "../../base/tar/encode.ts";
import { packTree } from "../copy/pack.ts";
import { Exit } from "../exit.ts";

/** A directory, of which a later build need only send what has changed. */
export interface DirectoryContext {
  readonly dockerfile: string;
  /** The same for every build of this directory. */
  readonly key: string;
  /** The files whose facts are not those the engine knows, and the facts of all. */
  changedSince(known: ContextFacts): AsyncIterable<Uint8Array>;
  /** The Dockerfile and its ignore files alone. */
  definition(): AsyncIterable<Uint8Array>;
}

/** The build's files, without what the .dockerignore leaves out; a Dockerfile from elsewhere is added. */
export function directoryContext(directory: string, file: string, readInput: () => Promise<string>): DirectoryContext {
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
  return {
    dockerfile,
    key: keyOf(root),
    changedSince: (known) => archiveOf(root, { path, dockerfile, outside, facts: new Facts(known) }),
    definition: () => definitionOf(root, { path, dockerfile, outside }),
  };
}

/** A directory with a name of its own beside the build's. */
export function namedDirectory(name: string, directory: string): DirectoryContext {
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Exit(1, `isle: unable to prepare context ${name}: path "${directory}" not found`);
  }
  const root = resolve(directory);
  const parts = { path: join(root, "Dockerfile"), dockerfile: "", outside: async () => undefined };
  return {
    dockerfile: "",
    key: keyOf(root, name),
    changedSince: (known) => archiveOf(root, { ...parts, facts: new Facts(known) }),
    definition: () => definitionOf(root, parts),
  };
}

interface Parts {
  readonly path: string;
  readonly dockerfile: string;
  readonly outside: () => Promise<string | undefined>;
  readonly facts: Facts;
}

async function* archiveOf(root: string, { path, dockerfile, outside, facts }: Parts): AsyncGenerator<Uint8Array, void> {
  const patterns = readIgnore(root, path);
  const ignores = ignoring(patterns);
  const below = hasNegation(patterns) ? "below" : "all";
  const kept = new Set([".", `./${dockerfile}`, "./.dockerignore"]);
  const parents = dockerfile.split("/").map((_, index, parts) => `./${parts.slice(0, index).join("/")}`);
  const skips = (name: string) => {
    if (kept.has(name) || !ignores(name.slice(2))) return "no";
    return parents.includes(name) ? "below" : below;
  };
  // The engine reads these from the archive, whether they have changed or not.
  const always = new Set([`./${dockerfile}`, `./${dockerfile}.dockerignore`, "./.dockerignore"]);
  const isKnown = (name: string, info: Stats): boolean => facts.isKnown(name, info) && !always.has(name);
  yield* packTree(root, { name: ".", followLink: true, skips, asRoot: true, isKnown });
  const text = await outside();
  if (text !== undefined) {
    facts.add(dockerfile);
    yield* encodeFile(dockerfile, Buffer.from(text));
  }
  yield* factsEntry(facts.all);
  yield endOfArchive();
}

async function* definitionOf(root: string, parts: Omit<Parts, "facts">): AsyncGenerator<Uint8Array, void> {
  const { path, dockerfile, outside } = parts;
  yield* encodeFile(dockerfile, Buffer.from((await outside()) ?? readFileSync(path)));
  for (const [name, file] of [
    [`${dockerfile}.dockerignore`, `${path}.dockerignore`],
    [".dockerignore", join(root, ".dockerignore")],
  ] as const) {
    if (existsSync(file)) yield* encodeFile(name, readFileSync(file));
  }
  yield endOfArchive();
}

const keyOf = (root: string, ...more: readonly string[]): string => {
  const { dev, ino } = statSync(root);
  return createHash("sha256")
    .update(JSON.stringify([hostname(), userInfo().uid, root, dev, ino, ...more]))
    .digest("hex");
};

/** A change right after a file was looked at may leave its times as they were: such a file is never known again. */
const doubtMs = 100;

/** What files look like from outside: one that looks as it did in the last build has not changed. */
class Facts {
  readonly all = new Map<string, string>();
  readonly #known: ContextFacts;

  constructor(known: ContextFacts) {
    this.#known = known;
  }

  /** Of a file that is not looked at. */
  add(path: string): void {
    this.all.set(path, randomUUID());
  }

  /** Takes the file's facts down, and tells whether the engine has it. */
  isKnown(name: string, info: Stats): boolean {
    const path = name.replace(/^\.\/?/, "");
    const isFresh = Math.abs(Date.now() - info.ctimeMs) < doubtMs;
    const { mode, size, mtimeMs, ctimeMs, dev, ino, nlink } = info;
    const fact = [mode, size, mtimeMs, ctimeMs, dev, ino, nlink, ...(isFresh ? [randomUUID()] : [])].join(" ");
    this.all.set(path, fact);
    return info.isFile() && nlink === 1 && this.#known.get(path) === fact;
  }
}

/** A Dockerfile's own ignore file goes before the context's. */
function readIgnore(root: string, dockerfile: string): string[] {
  const file = [`${dockerfile}.dockerignore`, join(root, ".dockerignore")].find((each) => existsSync(each));
  return file === undefined ? [] : readPatterns(readFileSync(file, "utf8"));
}
