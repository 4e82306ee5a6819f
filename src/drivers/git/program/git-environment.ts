import type { GitRef, KnownHosts } from "../../../core/git.ts";

export interface GitSurroundings {
  /** The daemon's own environment. */
  readonly around: Readonly<Record<string, string | undefined>>;
  /** Keys of hosts that all builds go by, in the place of the machine's own. */
  readonly knownHostsFile?: string | undefined;
}

/** Of the daemon's own environment, what says how the network is reached. */
const passed = ["PATH", "http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];
const certificates = ["SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO"];

/** All that git is told of the world; programs that it starts are told the same. */
export function gitEnvironment(
  { remote, authorization, sshAgent, knownHosts }: Omit<GitRef, "ref" | "signal">,
  { around, knownHostsFile }: GitSurroundings,
): Record<string, string> {
  const kept = [...passed, ...certificates].flatMap((name) => (around[name] ? [[name, around[name]] as const] : []));
  return {
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    ...Object.fromEntries(kept),
    ...{ HOME: "/nonexistent", LC_ALL: "C" },
    ...{ GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null", GIT_ATTR_NOSYSTEM: "1" },
    ...{ GIT_TERMINAL_PROMPT: "0", GIT_ASKPASS: "/bin/false", SSH_ASKPASS: "/bin/false", GIT_LFS_SKIP_SMUDGE: "1" },
    GIT_ALLOW_PROTOCOL: "http:https:git:ssh",
    GIT_SSH_COMMAND: sshCommand(knownHosts, knownHostsFile),
    ...(sshAgent !== undefined && { SSH_AUTH_SOCK: sshAgent }),
    ...configVariables([...settings, ...authorizationOf(remote, authorization)]),
  };
}

/** What the machine itself knows of hosts. */
const machineKnownHosts = "/etc/ssh/ssh_known_hosts";

/** Nobody is there to be asked about a host's key. Without a file to remember new ones in, they are refused. */
function sshCommand(known: KnownHosts | undefined, machineFile: string | undefined): string {
  const words = {
    BatchMode: "yes",
    StrictHostKeyChecking: known === undefined || known.onlyThese ? "yes" : "accept-new",
    UserKnownHostsFile: file(known?.file ?? "/dev/null"),
    GlobalKnownHostsFile: known?.onlyThese ? "/dev/null" : file(machineFile ?? machineKnownHosts),
    HashKnownHosts: "no",
    UpdateHostKeys: "no",
    CheckHostIP: "no",
    LogLevel: "ERROR",
    ConnectTimeout: "30",
  };
  return [
    "ssh -F /dev/null",
    ...Object.entries(words).map(([name, value]) => `-o ${inShell(`${name}=${value}`)}`),
  ].join(" ");
}

/** ssh takes spaces for the end of a name. */
const file = (path: string): string => (/^[\w./-]+$/.test(path) ? path : `"${path}"`);

const inShell = (word: string): string => (/^[\w./=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

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
