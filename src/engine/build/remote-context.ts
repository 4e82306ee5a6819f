import { streamedContext } from "../../base/context-input.ts";
import { IsleError, isCode, messageOf } from "../../base/error.ts";
import { withoutPassword } from "../../core/build/git-url.ts";
import { gitMaterial } from "./attest/provenance.ts";
import { cacheKey } from "./build.ts";
import { type BuildContext, contextAgain, receiveContext } from "./context.ts";
import type { BuildDeps } from "./deps.ts";
import { boundedBody, openUrl } from "./fetch-url.ts";
import { accessMark, fetchTree, gitFiles, gitUrl, type RemoteAccess, resolveGit } from "./git-tree.ts";

export interface RemoteContext {
  readonly context: BuildContext;
  /** Path of the Dockerfile in it. */
  readonly dockerfile: string;
}

interface Wanted extends RemoteAccess {
  /** Path of the Dockerfile, as the client named it. */
  readonly dockerfile: string;
  readonly keepGitDir: boolean;
  /** Paths whose contents the build itself wants. */
  readonly kept: readonly string[];
}

export const isRemote = (text: string): boolean => /^https?:\/\//i.test(text) || gitUrl(text) !== undefined;

/** A build's files from a repository, or from a URL of an archive or of a Dockerfile alone. */
export async function remoteContext(deps: BuildDeps, url: string, wanted: Wanted): Promise<RemoteContext> {
  if (gitUrl(url)) return { context: await gitContext(deps, url, wanted), dockerfile: wanted.dockerfile };
  const response = await openUrl(url, wanted.signal);
  try {
    const { archive, dockerfile } = await streamedContext(
      boundedBody(url, response, deps.settings.buildDownloadBytes),
      wanted.dockerfile,
    );
    const context = await receiveContext(deps, archive, [...wanted.kept, dockerfile]);
    return { context: { ...context, origin: { uri: withoutPassword(url), digest: {} } }, dockerfile };
  } catch (error) {
    if (error instanceof IsleError) throw error;
    throw new IsleError("unavailable", `cannot fetch ${withoutPassword(url)}: ${messageOf(error)}`, { cause: error });
  }
}

/** A repository's files become a context as those of a client do, and are kept for the next build of the same commit. */
async function gitContext(deps: BuildDeps, text: string, wanted: Wanted): Promise<BuildContext> {
  const url = gitUrl(text)!;
  const keeps = url.keepGitDir ?? wanted.keepGitDir;
  // Who cannot show the same credentials fetches for himself.
  const mark = await accessMark(url, wanted);
  const keyOf = (commit: string) => cacheKey("git", url.remote, commit, mark, [url.directory, keeps, url.submodules]);
  const commit = mark === undefined ? undefined : await resolveGit(deps, url, wanted);
  const known = commit && (await contextAgain(deps, keyOf(commit), wanted.kept));
  if (known) return { ...known, origin: gitMaterial(url, commit) };
  const tree = await fetchTree(deps, url, wanted);
  try {
    const selection = { sources: [url.directory || "/"], target: "/", into: true, parents: false };
    const files = deps.archive.packCopy(tree.root, { ...selection, excludes: keeps ? [] : [gitFiles] });
    const place = mark === undefined ? undefined : { key: keyOf(tree.commit), base: undefined, whole: true };
    const context = await receiveContext(deps, files, wanted.kept, place);
    return { ...context, origin: gitMaterial(url, tree.commit) };
  } catch (error) {
    if (!isCode(error, "notFound")) throw error;
    throw new IsleError("invalid", `${withoutPassword(url.remote)} has no directory ${url.directory}`);
  } finally {
    await tree.release();
  }
}
