import { join } from "node:path";
import { invalid, messageOf } from "../../base/error.ts";
import { newId } from "../../base/id.ts";
import type { TreeRoot } from "../../core/archive.ts";
import { type GitUrl, parseGitUrl, withoutPassword } from "../../core/build/git-url.ts";
import type { GitRef } from "../../core/git.ts";
import { cacheKey } from "./build.ts";
import type { BuildDeps } from "./deps.ts";
import { HostKeys } from "./host-keys.ts";
import type { BuildRequest } from "./request.ts";

/** What the build's client can say for itself to the servers of its sources. */
export interface RemoteAccess extends Pick<BuildRequest, "secret" | "signal"> {
  readonly sshAgent?: BuildRequest["sshAgent"];
  readonly hostKeys?: HostKeys;
}

/** The files of a commit, until they are released. */
export interface GitTree {
  readonly root: TreeRoot;
  readonly commit: string;
  release(): Promise<void>;
}

/** A git URL, read; undefined for what is none, invalid for one that says nothing sensible. */
export function gitUrl(text: string): GitUrl | undefined {
  try {
    return parseGitUrl(text);
  } catch (error) {
    throw invalid(messageOf(error));
  }
}

/** What a git URL means now; its files can be fetched later. */
export async function resolveGit(deps: BuildDeps, url: GitUrl, access: RemoteAccess): Promise<string> {
  const commit = await withAccess(deps, url, access, (means) => deps.git.resolve({ ...means, ref: url.ref }));
  checkCommit(url, commit);
  return commit;
}

/** Fetches the files of a commit from its repository. */
export async function fetchTree(deps: BuildDeps, url: GitUrl, access: RemoteAccess): Promise<GitTree> {
  const directory = join(deps.settings.paths.builds, `git-${newId()}`);
  const release = (): Promise<void> => deps.machine.removeTree(directory);
  try {
    deps.machine.makeDirectory(deps.settings.paths.builds);
    const { ref, submodules } = url;
    const commit = await withAccess(deps, url, access, (means) =>
      deps.git.checkout({ ...means, ref, submodules, directory, maxBytes: deps.settings.buildDownloadBytes }),
    );
    checkCommit(url, commit);
    return { root: { path: directory }, commit, release };
  } catch (error) {
    await release();
    throw error;
  }
}

function checkCommit({ remote, ref, commit: wanted }: GitUrl, commit: string): void {
  if (wanted === undefined || commit.startsWith(wanted)) return;
  throw invalid(`${withoutPassword(remote)} has commit ${commit} at ${ref || "HEAD"}, and not ${wanted}`);
}

/** With what the client has for the repository's host: a token or header, or an agent that signs. */
async function withAccess<T>(
  deps: BuildDeps,
  { remote }: GitUrl,
  access: RemoteAccess,
  work: (means: Omit<GitRef, "ref">) => Promise<T>,
): Promise<T> {
  const { signal } = access;
  if (!isSsh(remote)) {
    return await work({ remote, authorization: await authorizationFor(remote, access), sshAgent: undefined, signal });
  }
  const agent = await access.sshAgent?.("default");
  const hostKeys = access.hostKeys ?? new HostKeys(() => {});
  try {
    return await hostKeys.with(deps, access, (knownHosts) =>
      work({ remote, authorization: undefined, sshAgent: agent?.path, knownHosts, signal }),
    );
  } finally {
    await agent?.close();
  }
}

/** Tells apart who reads a repository with what; undefined where an agent alone could say. */
export async function accessMark({ remote }: GitUrl, access: RemoteAccess): Promise<string | undefined> {
  if (isSsh(remote)) return undefined;
  return cacheKey("access", (await authorizationFor(remote, access)) ?? "");
}

const isSsh = (remote: string): boolean => !/^(?:https?|git):/i.test(remote);

/** The header or the token that the client gives as a secret, for this host or for all. */
async function authorizationFor(remote: string, { secret }: RemoteAccess): Promise<string | undefined> {
  const host = /^https?:\/\/(?:[^/@]*@)?([^/:]+)/i.exec(remote)?.[1];
  if (host === undefined) return undefined;
  const text = async (id: string): Promise<string | undefined> => {
    const value = await secret(id);
    const trimmed = value && Buffer.from(value).toString().trim();
    if (trimmed?.includes("\n")) throw invalid(`the secret ${id} has more than one line`);
    return trimmed || undefined;
  };
  const header = (await text(`GIT_AUTH_HEADER.${host}`)) ?? (await text("GIT_AUTH_HEADER"));
  if (header !== undefined) return header;
  const token = (await text(`GIT_AUTH_TOKEN.${host}`)) ?? (await text("GIT_AUTH_TOKEN"));
  return token && `basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`;
}

/** Repositories have no such name in them but what git itself keeps. */
export const gitFiles = "**/.git";
