import { join } from "node:path";
import type { Readable } from "node:stream";
import { parseDockerignore } from "../../base/dockerignore.ts";
import { invalid } from "../../base/error.ts";
import { newId } from "../../base/id.ts";
import type { Source } from "../../core/build/source.ts";
import type { InstanceDeps } from "../instance/deps.ts";
import { removeInstance } from "../instance/remove.ts";
import type { BuildDeps } from "./deps.ts";

/** A build's files, unpacked, until they are released. */
export interface BuildContext {
  readonly path: string;
  release(): Promise<void>;
}

/** Unpacks a context archive (plain, gzip or zstd) into a directory of its own. */
export async function unpackContext(deps: BuildDeps, tar: Readable): Promise<BuildContext> {
  const path = join(deps.settings.paths.builds, `context-${newId()}`);
  const release = (): Promise<void> => deps.machine.removeTree(path);
  deps.machine.makeDirectory(path);
  try {
    await deps.archive.write({ path }, "/", tar);
    return { path, release };
  } catch (error) {
    await release();
    throw error;
  }
}

const maxDockerfileBytes = 4 << 20;

/** The Dockerfile at a path of the context. Fails with invalid when it is not there. */
export async function readDockerfile(deps: BuildDeps, { path }: BuildContext, name: string): Promise<Source> {
  const bytes = await deps.archive.readFile({ path }, `/${name}`, maxDockerfileBytes);
  if (bytes === undefined) {
    throw invalid(`Cannot locate specified Dockerfile: ${name}`, {
      hint: "is it in the context, and not left out by .dockerignore?",
    });
  }
  return { name, text: Buffer.from(bytes).toString() };
}

/**
 * The Dockerfile and the .dockerignore, where the latter leaves them out: they came with the context all the same, since the
 * build needs them.
 */
export async function excludedFiles(deps: BuildDeps, { path }: BuildContext, dockerfile: string): Promise<string[]> {
  for (const name of [`${dockerfile}.dockerignore`, ".dockerignore"]) {
    const bytes = await deps.archive.readFile({ path }, `/${name}`, maxDockerfileBytes);
    if (bytes === undefined) continue;
    const ignores = parseDockerignore(Buffer.from(bytes).toString());
    return [dockerfile, name].filter(ignores);
  }
  return [];
}

/** Removes what builds left that an earlier daemon did not see to their end: steps that still run, and files. */
export async function sweepBuilds(deps: InstanceDeps): Promise<void> {
  for (const { id, purpose } of deps.instances.list()) {
    if (purpose === "build") await removeInstance(deps, id, { force: true, volumes: true });
  }
  const { builds } = deps.settings.paths;
  for (const name of deps.machine.listDirectory(builds)) {
    if (name === "cache") continue;
    const path = join(builds, name);
    if (name.startsWith("memory-")) deps.machine.unmount(path);
    await deps.machine.removeTree(path);
  }
}
