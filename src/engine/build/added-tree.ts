import { invalid } from "../../base/error.ts";
import type { GitUrl } from "../../core/build/git-url.ts";
import type { AddedTree } from "./added-files.ts";
import { gitMaterial } from "./attest/provenance.ts";
import { cacheKey } from "./build.ts";
import { fetchTree, gitFiles, resolveGit } from "./git-tree.ts";
import type { StageState } from "./stage-state.ts";

interface Asked {
  readonly checksum: string | undefined;
  readonly keepGitDir: boolean;
}

/** The files of a repository that an ADD names. Its commit tells whether the cache has them; only else are they fetched. */
export async function addedTree({ build }: StageState, url: GitUrl, asked: Asked): Promise<AddedTree> {
  const { deps, request, signal } = build;
  if (asked.checksum !== undefined && !/^[0-9a-f]{7,64}$/.test(asked.checksum)) {
    throw invalid(`invalid checksum ${asked.checksum} of a git repository: it is a commit`);
  }
  const { secret, sshAgent, hostKeys } = request;
  const access = { secret, sshAgent, hostKeys, signal };
  const wanted = { ...url, commit: asked.checksum ?? url.commit };
  const keeps = url.keepGitDir ?? asked.keepGitDir;
  const commit = await resolveGit(deps, wanted, access);
  const material = gitMaterial(url, commit);
  build.materials.set(material.uri, material);
  return {
    kind: "tree",
    digest: cacheKey("git", commit, url.directory, keeps, url.submodules, keeps && url.remote),
    async open() {
      const { root, release } = await fetchTree(deps, wanted, access);
      return { root, release, selection: { sources: [url.directory || "/"], excludes: keeps ? [] : [gitFiles] } };
    },
  };
}
