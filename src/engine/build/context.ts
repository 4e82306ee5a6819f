import { join } from "node:path";
import { factsName } from "../../base/context-facts.ts";
import { parseDockerignore, readPatterns } from "../../base/dockerignore.ts";
import { invalid } from "../../base/error.ts";
import { newId } from "../../base/id.ts";
import { type ContextManifest, cleanPath, maxTextBytes, readManifest } from "../../core/build/context-manifest.ts";
import type { Source } from "../../core/build/source.ts";
import { decompressed } from "../image/decompress.ts";
import type { InstanceDeps } from "../instance/deps.ts";
import { removeInstance } from "../instance/remove.ts";
import type { Material } from "./attest/provenance.ts";
import { ContextFiles } from "./context-files.ts";
import type { BuildDeps } from "./deps.ts";
import type { KeptContext } from "./kept-contexts.ts";

/** A build's files, until they are released: known at once, and unpacked when a step first needs them. */
export interface BuildContext {
  /** Where the files come from, when it is not the client. */
  readonly origin?: Material;
  readonly manifest: ContextManifest;
  /** Directory of the machine with the files. */
  path(): Promise<string>;
  release(): Promise<void>;
}

/** Where the files of a build are kept for the next one; `base` is what this one takes over from an earlier build. */
export interface ContextPlace {
  readonly key: string;
  readonly base: KeptContext | undefined;
  /** The archive holds all files and no facts of them: the key alone says that they are the same. */
  readonly whole?: boolean;
}

/**
 * Takes a context archive (plain, or compressed with gzip, zstd, xz or bzip2) in. `kept` are paths whose contents the build itself wants. With a place,
 * the archive holds the changed files and ends with the facts of all.
 */
export async function receiveContext(
  deps: BuildDeps,
  tar: AsyncIterable<Uint8Array>,
  kept: readonly string[],
  place?: ContextPlace,
): Promise<BuildContext> {
  const id = newId();
  const archive = join(deps.settings.paths.builds, `archive-${id}`);
  const directory = place?.base?.directory ?? join(deps.settings.paths.builds, `context-${id}`);
  const wanted = new Set([...kept.map(cleanPath), ...(place ? [factsName] : [])]);
  try {
    const saved = deps.machine.saveWhileRead(archive, decompressed(deps, tar));
    const received = await readManifest(saved, (path) => wanted.has(path));
    const files = new ContextFiles(deps, { archive, directory, received, place });
    const manifest = { files: files.all, texts: received.texts };
    return { manifest, path: () => files.path(), release: () => files.release() };
  } catch (error) {
    for (const path of [archive, directory]) await deps.machine.removeTree(path);
    throw error;
  }
}

/** A context that an earlier build has kept under a key that stands for its very content. */
export async function contextAgain(
  deps: BuildDeps,
  key: string,
  wanted: readonly string[],
): Promise<BuildContext | undefined> {
  const base = deps.contexts.take(key);
  if (base === undefined) return undefined;
  const texts = new Map<string, Buffer>();
  for (const path of new Set(wanted.map(cleanPath))) {
    if (base.files.get(path)?.type !== "file") continue;
    const text = await deps.archive.readFile({ path: base.directory }, `/${path}`, maxTextBytes);
    if (text) texts.set(path, Buffer.from(text));
  }
  let isHeld = true;
  return {
    manifest: { files: base.files, texts },
    path: async () => base.directory,
    async release() {
      const unwanted = isHeld ? deps.contexts.put(key, base) : [];
      isHeld = false;
      for (const path of unwanted) await deps.machine.removeTree(path);
    },
  };
}

/** The Dockerfile at a path of the context. Fails with invalid when it is not there. */
export function dockerfileOf({ manifest }: BuildContext, name: string): Source {
  const text = manifest.texts.get(cleanPath(name));
  if (text === undefined) {
    throw invalid(`Cannot locate specified Dockerfile: ${name}`, {
      hint: "is it in the context, and not left out by .dockerignore?",
    });
  }
  return { name, text: text.toString() };
}

/** Ignore files that hold for a Dockerfile, the first that is there alone. */
export const ignoreFiles = (dockerfile: string): string[] => [`${dockerfile}.dockerignore`, ".dockerignore"];

/**
 * The Dockerfile and the .dockerignore, where the latter leaves them out: they came with the context all the same, since the
 * build needs them.
 */
export function excludedFiles({ manifest }: BuildContext, dockerfile: string): string[] {
  const name = ignoreFiles(dockerfile).find((each) => manifest.texts.has(cleanPath(each)));
  if (name === undefined) return [];
  return [dockerfile, name].filter(parseDockerignore(manifest.texts.get(cleanPath(name))!.toString()));
}

/** Patterns of the ignore file that holds for a Dockerfile. */
export function ignorePatterns({ manifest }: BuildContext, dockerfile: string): string[] {
  const name = ignoreFiles(dockerfile).find((each) => manifest.texts.has(cleanPath(each)));
  return name === undefined ? [] : readPatterns(manifest.texts.get(cleanPath(name))!.toString());
}

/** Removes what an earlier daemon did not see to its end: steps of builds and copies that still run, and files of builds. */
export async function sweepBuilds(deps: InstanceDeps): Promise<void> {
  for (const { id, purpose } of deps.instances.list()) {
    if (purpose !== undefined) await removeInstance(deps, id, { force: true, volumes: true });
  }
  const { builds, agents } = deps.settings.paths;
  await deps.machine.removeTree(agents);
  for (const name of deps.machine.listDirectory(builds)) {
    if (name === "cache") continue;
    const path = join(builds, name);
    if (name.startsWith("memory-")) deps.machine.unmount(path);
    await deps.machine.removeTree(path);
  }
}
