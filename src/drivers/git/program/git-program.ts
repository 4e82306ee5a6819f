import { IsleError, invalid, notFound } from "../../../base/error.ts";
import { formatBinaryBytes } from "../../../base/size.ts";
import { isWholeCommit, withoutPassword } from "../../../core/build/git-url.ts";
import type { GitCheckout, GitDriver, GitRef } from "../../../core/git.ts";
import { run } from "../../../os/process.ts";
import { withinSize } from "../../../os/within-size.ts";
import { type GitSurroundings, gitEnvironment } from "./git-environment.ts";

/**
 * Debian's git. It knows nothing of this machine's users: no configuration, credentials, hooks or prompts, and no other
 * protocols than those of the network. The kernel ends it with the daemon.
 */
export function createGitProgram({ knownHostsFile }: { readonly knownHostsFile?: string | undefined } = {}): GitDriver {
  const git = (wanted: GitRef): Git => new Git(wanted, { around: process.env, knownHostsFile });
  return {
    resolve: (wanted) => resolve(git(wanted), wanted),
    checkout: (wanted) => {
      const { directory, maxBytes, signal } = wanted;
      const bound = { directory, maxBytes, signal, tooMuch: () => tooLarge(wanted) };
      return withinSize(bound, (both) => checkout(git({ ...wanted, signal: both }), wanted));
    },
  };
}

const tooLarge = ({ remote, maxBytes }: GitCheckout): IsleError =>
  invalid(`${withoutPassword(remote)} is larger than ${formatBinaryBytes(maxBytes)}, the most that a build fetches`, {
    hint: "the key build-download-limit of the daemon's configuration sets that",
  });

async function resolve(git: Git, { remote, ref }: GitRef): Promise<string> {
  if (isWholeCommit(ref)) return ref;
  const listed = await git.must("ls-remote", "--quiet", "--", remote, ref || "HEAD", `${ref || "HEAD"}^{}`);
  const commit = chooseRef(listed, ref || "HEAD");
  if (commit === undefined) throw notFound(`${withoutPassword(remote)} has no ref ${ref || "HEAD"}`);
  return commit;
}

/** As git itself would: a tag goes before a branch, and the commit of a signed tag before the tag. */
export function chooseRef(listed: string, ref: string): string | undefined {
  const commits = new Map<string, string>();
  for (const [, commit, name] of listed.matchAll(/^([0-9a-f]+)\t(\S+)$/gm)) commits.set(name!, commit!);
  const names = [ref, `refs/${ref}`, `refs/tags/${ref}`, `refs/heads/${ref}`].flatMap((name) => [`${name}^{}`, name]);
  return names.map((name) => commits.get(name)).find((commit) => commit !== undefined);
}

async function checkout(git: Git, wanted: GitCheckout): Promise<string> {
  await git.must("init", "--quiet", "--template=", "--", wanted.directory);
  await git.must("-C", wanted.directory, "remote", "add", "origin", wanted.remote);
  const found = await fetchRef(git, wanted);
  await git.must("-C", wanted.directory, "checkout", "--quiet", "--force", "--detach", found);
  if (wanted.submodules) await fetchSubmodules(git, wanted.directory);
  return (await git.must("-C", wanted.directory, "rev-parse", "HEAD")).trim();
}

/** What to check out: fetched alone where the remote can do that, else with its history. */
async function fetchRef(git: Git, { directory, ref, remote }: GitCheckout): Promise<string> {
  const fetch = (...more: string[]) => git.try("-C", directory, "fetch", "--quiet", "--force", ...more);
  const alone = await fetch("--depth=1", "--no-tags", "origin", ref || "HEAD");
  if (alone.exitCode === 0) return "FETCH_HEAD";
  if (/couldn't find remote ref/.test(alone.stderr)) throw notFound(`${withoutPassword(remote)} has no ref ${ref}`);
  const all = isWholeCommit(ref)
    ? await fetch("--tags", "origin", "+refs/heads/*:refs/remotes/origin/*")
    : await fetch("--no-tags", "origin", ref || "HEAD");
  if (all.exitCode !== 0) throw failure(remote, all.stderr || alone.stderr);
  if (!isWholeCommit(ref)) return "FETCH_HEAD";
  const isThere = await git.try("-C", directory, "cat-file", "-e", `${ref}^{commit}`);
  if (isThere.exitCode !== 0) throw notFound(`${withoutPassword(remote)} has no commit ${ref}`);
  return ref;
}

async function fetchSubmodules(git: Git, directory: string): Promise<void> {
  const update = ["-C", directory, "submodule", "--quiet", "update", "--init", "--recursive", "--force"];
  if ((await git.try(...update, "--depth=1")).exitCode === 0) return;
  const { exitCode, stderr } = await git.try(...update);
  if (exitCode !== 0) throw failure("a submodule", stderr);
}

/** Runs git for one checkout. */
class Git {
  readonly #wanted: GitRef;
  readonly #env: Record<string, string>;

  constructor(wanted: GitRef, surroundings: GitSurroundings) {
    this.#wanted = wanted;
    this.#env = gitEnvironment(wanted, surroundings);
  }

  async try(...args: string[]) {
    const { signal } = this.#wanted;
    const shielded = ["--pdeathsig", "KILL", "--", "git", ...args];
    const result = await run("setpriv", shielded, { env: this.#env, signal }).catch((error: unknown) => {
      throw signal.aborted ? new IsleError("cancelled", "the build was cancelled", { cause: error }) : error;
    });
    if (result.exitCode !== 127 || !/git: No such file/.test(result.stderr)) return result;
    throw new IsleError("unavailable", "git is not installed", { hint: "apt-get install git" });
  }

  async must(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.try(...args);
    if (exitCode !== 0) throw failure(this.#wanted.remote, stderr);
    return stdout;
  }
}

function failure(remote: string, said: string): IsleError {
  const why = said
    .split("\n")
    .filter((line) => /^(fatal|error|remote|ssh|Host|No .* host key|Permission|.*denied)/.test(line))
    .slice(0, 4)
    .map((line) => line.replace(/\w+:\/\/\S+/g, withoutPassword))
    .join(" | ");
  const problem = `git cannot read ${withoutPassword(remote)}: ${why || "it did not say why"}`;
  if (/terminal prompts disabled|Authentication failed|could not read Username/.test(said)) {
    return new IsleError("forbidden", problem, {
      hint: "give the build a secret GIT_AUTH_TOKEN, or use ssh and --ssh default",
    });
  }
  if (/Host key verification failed/.test(said)) {
    return new IsleError("forbidden", problem, {
      hint: "its key is none of those known: a secret GIT_SSH_KNOWN_HOSTS says which it is",
    });
  }
  if (/transport '.*' not allowed/.test(said)) return invalid(problem);
  return new IsleError("unavailable", problem);
}
