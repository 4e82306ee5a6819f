import { expect, test } from "bun:test";
import { parseGitUrl, withoutPassword } from "./git-url.ts";

const plain = { ref: "", directory: "", commit: undefined, keepGitDir: undefined, submodules: true };
const commit = "0123456789abcdef0123456789abcdef01234567";

const cases: ReadonlyArray<readonly [string, object | undefined]> = [
  ["https://host/a.git", { ...plain, remote: "https://host/a.git" }],
  ["https://host/a.git#v1:sub/dir/", { ...plain, remote: "https://host/a.git", ref: "v1", directory: "sub/dir" }],
  ["https://host/a.git#:sub", { ...plain, remote: "https://host/a.git", directory: "sub" }],
  ["git://host/a#main", { ...plain, remote: "git://host/a", ref: "main" }],
  ["ssh://git@host:22/a", { ...plain, remote: "ssh://git@host:22/a" }],
  ["git@host:team/a.git#x", { ...plain, remote: "git@host:team/a.git", ref: "x" }],
  ["github.com/team/a", { ...plain, remote: "https://github.com/team/a" }],
  ["https://h/a.git?branch=b&subdir=c", { ...plain, remote: "https://h/a.git", ref: "refs/heads/b", directory: "c" }],
  ["https://h/a.git?tag=v1", { ...plain, remote: "https://h/a.git", ref: "refs/tags/v1" }],
  [`https://h/a.git?commit=${commit}`, { ...plain, remote: "https://h/a.git", ref: commit, commit }],
  [
    "https://h/a.git?ref=x&checksum=0123456&keep-git-dir=1&submodules=false",
    { remote: "https://h/a.git", ref: "x", directory: "", commit: "0123456", keepGitDir: true, submodules: false },
  ],
  ["https://host/a.tar", undefined],
  ["https://host/.gitignore", undefined],
  ["./git@dir", undefined],
  ["directory", undefined],
];
for (const [text, found] of cases) {
  test(`${text} is ${found ? "a git URL" : "none"}`, () =>
    expect<object | undefined>(parseGitUrl(text)).toEqual(found));
}

const faults: ReadonlyArray<readonly [string, string]> = [
  ["https://h/a.git#--upload-pack=x", "invalid git ref"],
  ["https://h/a.git#a..b", "invalid git ref"],
  ["https://h/a.git#main:../x", "leads out of the repository"],
  ["https://h/a.git?evil=1", 'unexpected query "evil"'],
  ["https://h/a.git?tag=a&branch=b", "names one of"],
  ["https://h/a.git?ref=a#b", "both ways"],
  ["https://h/a.git?commit=xyz", "invalid commit"],
  ["https://h/a.git?keep-git-dir=maybe", "invalid keep-git-dir"],
];
for (const [text, why] of faults) {
  test(`${text} is refused: ${why}`, () => expect(() => parseGitUrl(text)).toThrow(why));
}

test("a URL is told without its password", () => {
  expect(withoutPassword("https://user:pass@host/a.git#x")).toBe("https://xxxxx@host/a.git#x");
});
