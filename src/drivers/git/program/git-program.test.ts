import { expect, test } from "bun:test";
import { gitEnvironment } from "./git-environment.ts";
import { chooseRef } from "./git-program.ts";

const listed = "aaaa\trefs/heads/v1\nbbbb\trefs/tags/v1\ncccc\trefs/tags/v1^{}\ndddd\trefs/heads/x/v2\n";

test("a ref means what git itself would take: the commit of a tag before a branch, and no part of a name", () => {
  expect(chooseRef(listed, "v1")).toBe("cccc");
  expect(chooseRef(listed, "refs/heads/v1")).toBe("aaaa");
  expect(chooseRef(listed, "v2")).toBeUndefined();
  expect(chooseRef("eeee\tHEAD\n", "HEAD")).toBe("eeee");
});

test("git is told nothing of this machine's users, and the token only for its own host", () => {
  const around = { HOME: "/root", PATH: "/bin", SSH_AUTH_SOCK: "/agent", GIT_DIR: "/x", https_proxy: "p" };
  const access = { remote: "https://me@host:8443/a.git", authorization: "basic x", sshAgent: undefined };
  const env = gitEnvironment(access, { around });
  expect([env["HOME"], env["SSH_AUTH_SOCK"], env["GIT_DIR"], env["https_proxy"]]).toEqual([
    "/nonexistent",
    undefined,
    undefined,
    "p",
  ]);
  expect(Object.values(env)).toContain("http.https://host:8443/.extraHeader");
  const ssh = gitEnvironment({ ...access, remote: "git@host:a.git", sshAgent: "/s" }, { around });
  expect(ssh["SSH_AUTH_SOCK"]).toBe("/s");
  expect(Object.values(ssh)).not.toContain("Authorization: basic x");
});

test("ssh takes new keys only where they are kept, and no others than those that were given", () => {
  const access = { remote: "git@host:a.git", authorization: undefined, sshAgent: undefined };
  const command = (knownHosts?: { file: string; onlyThese: boolean }, knownHostsFile?: string) =>
    gitEnvironment({ ...access, knownHosts }, { around: {}, knownHostsFile })["GIT_SSH_COMMAND"]!;
  expect(command()).toContain("StrictHostKeyChecking=yes -o UserKnownHostsFile=/dev/null");
  const first = command({ file: "/b/hosts", onlyThese: false });
  expect(first).toContain("StrictHostKeyChecking=accept-new -o UserKnownHostsFile=/b/hosts");
  expect(first).toContain("GlobalKnownHostsFile=/etc/ssh/ssh_known_hosts");
  expect(command({ file: "/b/hosts", onlyThese: false }, "/k")).toContain("GlobalKnownHostsFile=/k ");
  const given = command({ file: "/it's here/hosts", onlyThese: true }, "/k");
  expect(given).toContain("StrictHostKeyChecking=yes -o 'UserKnownHostsFile=\"/it'\\''s here/hosts\"'");
  expect(given).toContain("GlobalKnownHostsFile=/dev/null");
});
