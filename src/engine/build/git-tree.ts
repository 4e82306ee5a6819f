import { join } from "node:path";
import { invalid, messageOf } from "../../base/error.ts";
import { newId } from "../../base/id.ts";
import type { TreeRoot } from "../../core/archive.ts";
import { type GitUrl, parseGitUrl } from "../../core/build/git-url.ts";
import type { BuildDeps } from "./deps.ts";
import type { BuildRequest } from "./request.ts";

/** What the build's client can say for itself to the servers of its sources. */
export interface RemoteAccess extends Pick<BuildRequest, "secret" | "signal"> {
  readonly sshAgent?: BuildRequest["sshAgent"];
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

/** Fetches a commit from its repository. */
export async function fetchTree(deps: BuildDeps, url: GitUrl, access: RemoteAccess): Promise<GitTree> {
  const directory = join(deps.settings.paths.builds, `git-${newId()}`);
  const isSsh = !/^(?:https?|git):/i.test(url.remote);
  const agent = isSsh ? await access.sshAgent?.("default") : undefined;
  const release = async (): Promise<void> => {
    await agent?.close();
    await deps.machine.removeTree(directory);
  };
  try {
    deps.machine.makeDirectory(deps.settings.paths.builds);
    const commit = await deps.git.checkout({
      ...{ remote: url.remote, ref: url.ref, submodules: url.submodules, directory, signal: access.signal },
      authorization: isSsh ? undefined : await authorizationFor(url.remote, access),
      sshAgent: agent?.path,
    });
    if (url.commit !== undefined && !commit.startsWith(url.commit)) {
      throw invalid(`expected commit ${url.commit} of ${url.remote}, but ${url.ref || "it"} is ${commit}`);
    }
    return { root: { path: directory }, commit, release };
  } catch (error) {
    await release();
    throw error;
  }
}

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
