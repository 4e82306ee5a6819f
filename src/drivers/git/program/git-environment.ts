import type { GitRef } from "../../../core/git.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Of the daemon's own environment, what says how the network is reached. */
const passed = ["PATH", "http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];
const certificates = ["SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO"];

/** All that git is told of the world; programs that it starts are told the same. */
export function gitEnvironment(
  { remote, authorization, sshAgent }: Pick<GitRef, "remote" | "authorization" | "sshAgent">,
  around: Environment,
): Record<string, string> {
  const kept = [...passed, ...certificates].flatMap((name) => (around[name] ? [[name, around[name]] as const] : []));
  return {
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    ...Object.fromEntries(kept),
    ...{ HOME: "/nonexistent", LC_ALL: "C" },
    ...{ GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null", GIT_ATTR_NOSYSTEM: "1" },
    ...{ GIT_TERMINAL_PROMPT: "0", GIT_ASKPASS: "/bin/false", SSH_ASKPASS: "/bin/false", GIT_LFS_SKIP_SMUDGE: "1" },
    GIT_ALLOW_PROTOCOL: "http:https:git:ssh",
    GIT_SSH_COMMAND: sshCommand,
    ...(sshAgent !== undefined && { SSH_AUTH_SOCK: sshAgent }),
    ...configVariables([...settings, ...authorizationOf(remote, authorization)]),
  };
}

/** Nobody is there to be asked about a host's key, and no file is to remember it. */
const sshCommand = [
  ...["ssh", "-F", "/dev/null", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"],
  ...["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=30"],
].join(" ");

const settings: ReadonlyArray<readonly [string, string]> = [
  ["core.hooksPath", "/dev/null"],
  ["core.fsmonitor", "false"],
  ["core.autocrlf", "false"],
  ["credential.helper", ""],
  ["init.defaultBranch", "main"],
  ["safe.directory", "*"],
  ["gc.auto", "0"],
  ["fetch.recurseSubmodules", "false"],
  // A remote that stops sending is given up.
  ["http.lowSpeedLimit", "1"],
  ["http.lowSpeedTime", "60"],
];

/** For the remote's own host alone: not for that of a submodule, nor where it sends the client on to. */
function authorizationOf(remote: string, authorization: string | undefined): Array<readonly [string, string]> {
  const origin = /^https?:\/\/(?:[^/@]*@)?([^/]+)/i.exec(remote);
  if (authorization === undefined || !origin) return [];
  const scheme = remote.slice(0, remote.indexOf(":"));
  return [[`http.${scheme}://${origin[1]}/.extraHeader`, `Authorization: ${authorization}`]];
}

/** Given by variables, so that no list of processes shows them. */
function configVariables(pairs: ReadonlyArray<readonly [string, string]>): Record<string, string> {
  const variables = pairs.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ]);
  return { GIT_CONFIG_COUNT: String(pairs.length), ...Object.fromEntries(variables) };
}
