/** What a git URL of a build names: `REMOTE#REF:DIRECTORY`, or `REMOTE?branch=…&subdir=…`. */
export interface GitUrl {
  readonly remote: string;
  /** Branch, tag, `refs/…` or commit; empty for the remote's own choice. */
  readonly ref: string;
  /** Directory within the repository, without slashes around it; empty for all of it. */
  readonly directory: string;
  /** The commit, or the beginning of it, that the ref must be. */
  readonly commit: string | undefined;
  readonly keepGitDir: boolean | undefined;
  readonly submodules: boolean;
}

const wholeCommit = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

/** Reads a git URL; undefined for what is none. Throws an Error for one that says nothing sensible. */
export function parseGitUrl(text: string): GitUrl | undefined {
  const [head, fragment = ""] = splitOnce(text, "#");
  const [address, query = ""] = splitOnce(head, "?");
  const remote = remoteOf(address);
  if (remote === undefined) return undefined;
  const fields = readQuery(query);
  const [ref = "", directory = ""] = splitOnce(fragment, ":");
  if (query !== "" && fragment !== "") throw new Error(`${text} names its ref both ways: after # and after ?`);
  const commit = fields.get("commit") ?? fields.get("checksum");
  const asked = query === "" ? ref : queryRef(fields, commit);
  checkRef(asked);
  if (commit !== undefined && !/^[0-9a-f]{7,64}$/.test(commit)) throw new Error(`invalid commit ${commit}`);
  return {
    remote,
    ref: asked,
    directory: directoryOf(query === "" ? directory : (fields.get("subdir") ?? "")),
    commit,
    keepGitDir: truth(fields, "keep-git-dir"),
    submodules: truth(fields, "submodules") ?? true,
  };
}

function splitOnce(text: string, mark: string): [string, string?] {
  const at = text.indexOf(mark);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** `git@host:path`, git:// and ssh:// always; http only with `.git` at the end; `github.com/` as people write it. */
function remoteOf(address: string): string | undefined {
  if (/^(?:git|ssh):\/\/[^-/][^\s]*$/i.test(address)) return address;
  if (/^[a-z0-9_][\w.-]*@[a-z0-9][\w.-]*:[^\s]+$/i.test(address)) return address;
  if (/^https?:\/\/[^-/][^\s]*\.git\/?$/i.test(address)) return address;
  return /^github\.com\/[^\s]+$/i.test(address) ? `https://${address}` : undefined;
}

const known: ReadonlySet<string> = new Set([
  ...["ref", "branch", "tag", "subdir", "commit", "checksum", "keep-git-dir", "submodules"],
]);

function readQuery(query: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const [key, value] of new URLSearchParams(query)) {
    if (!known.has(key)) throw new Error(`unexpected query "${key}" in a git URL: it takes ${[...known].join(", ")}`);
    if (fields.has(key)) throw new Error(`"${key}" is twice in a git URL`);
    fields.set(key, value);
  }
  return fields;
}

function queryRef(fields: ReadonlyMap<string, string>, commit: string | undefined): string {
  const given = ["ref", "branch", "tag"].filter((key) => fields.has(key));
  if (given.length > 1) throw new Error(`a git URL names one of ${given.join(" and ")}, not more`);
  const [key] = given;
  if (key === undefined) return commit !== undefined && wholeCommit.test(commit) ? commit : "";
  const value = fields.get(key)!;
  return key === "branch" ? `refs/heads/${value}` : key === "tag" ? `refs/tags/${value}` : value;
}

function checkRef(ref: string): void {
  const isSafe = ref === "" || /^[^-\s~^:?*[\\][^\s~^:?*[\\]*$/.test(ref);
  if (!isSafe || ref.includes("..")) throw new Error(`invalid git ref "${ref}"`);
}

function directoryOf(text: string): string {
  const parts = text.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw new Error(`the directory ${text} of a git URL leads out of the repository`);
  return parts.join("/");
}

function truth(fields: ReadonlyMap<string, string>, key: string): boolean | undefined {
  const value = fields.get(key);
  if (value === undefined) return undefined;
  if (/^(true|1|)$/i.test(value)) return true;
  if (/^(false|0)$/i.test(value)) return false;
  throw new Error(`invalid ${key} "${value}" in a git URL`);
}

export const isWholeCommit = (ref: string): boolean => wholeCommit.test(ref);

/** Without what only its owner should see. */
export const withoutPassword = (url: string): string => url.replace(/^(\w+:\/\/)[^/@\s]*@/, "$1xxxxx@");
